/* Mappings of the named JSON formats, in the form that users write (json.c). */
#ifndef CASK_JSON_MAPS_H
#define CASK_JSON_MAPS_H

extern const char json_map_nginx[], json_map_caddy[], json_map_traefik[], json_map_cloudfront[],
    json_map_gcp[], json_map_ecs[], json_map_beacon[];

#endif
