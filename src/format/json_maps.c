#include "format/json_maps.h"

/* nginx has no JSON log of its own: people name keys after its variables, or by what they hold. */
const char json_map_nginx[] =
    "{\"host\":[\"remote_addr\",\"remote_ip\",\"client_ip\",\"clientip\",\"client\"],"
    "\"forwarded\":[\"http_x_forwarded_for\",\"x_forwarded_for\"],"
    "\"vhost\":[\"host\",\"http_host\",\"vhost\",\"server_name\",\"domain\"],"
    "\"user\":[\"remote_user\",\"user\"],"
    "\"time\":[\"time_iso8601\",\"time_local\",\"@timestamp\",\"timestamp\",\"time\",\"msec\","
    "\"ts\",\"date\"],"
    "\"request\":\"request\","
    "\"method\":[\"request_method\",\"method\"],"
    "\"target\":[\"request_uri\",\"uri\",\"url\",\"path\"],"
    "\"query\":[\"args\",\"query_string\",\"query\"],"
    "\"protocol\":[\"server_protocol\",\"protocol\"],"
    "\"status\":[\"status\",\"status_code\"],"
    "\"bytes\":[\"body_bytes_sent\",\"bytes_sent\",\"bytes\",\"size\"],"
    "\"referrer\":[\"http_referer\",\"http_referrer\",\"referer\",\"referrer\"],"
    "\"agent\":[\"http_user_agent\",\"user_agent\",\"useragent\",\"agent\"],"
    "\"hint_brands\":\"http_sec_ch_ua\","
    "\"hint_mobile\":\"http_sec_ch_ua_mobile\","
    "\"hint_platform\":\"http_sec_ch_ua_platform\","
    "\"hint_platform_version\":\"http_sec_ch_ua_platform_version\","
    "\"hint_model\":\"http_sec_ch_ua_model\"}";

/* Caddy 2. remote_addr, with a port, is of versions before 2.5; client_ip came with 2.7. Loggers of
 * sites have names behind http.log.access. */
const char json_map_caddy[] =
    "{\"only\":{\"logger\":\"http.log.access\"},"
    "\"host\":[\"request.client_ip\",\"request.remote_ip\",\"request.remote_addr\"],"
    "\"vhost\":\"request.host\","
    "\"user\":\"user_id\","
    "\"time\":\"ts\","
    "\"method\":\"request.method\","
    "\"target\":\"request.uri\","
    "\"protocol\":\"request.proto\","
    "\"status\":\"status\","
    "\"bytes\":\"size\","
    "\"referrer\":\"request.headers.Referer\","
    "\"agent\":\"request.headers.User-Agent\","
    "\"hint_brands\":\"request.headers.Sec-Ch-Ua\","
    "\"hint_mobile\":\"request.headers.Sec-Ch-Ua-Mobile\","
    "\"hint_platform\":\"request.headers.Sec-Ch-Ua-Platform\","
    "\"hint_platform_version\":\"request.headers.Sec-Ch-Ua-Platform-Version\","
    "\"hint_model\":\"request.headers.Sec-Ch-Ua-Model\"}";

/* Headers are logged where accessLog.fields.headers keeps them. */
const char json_map_traefik[] = "{\"host\":[\"ClientHost\",\"ClientAddr\"],"
                                "\"vhost\":[\"RequestHost\",\"RequestAddr\"],"
                                "\"user\":\"ClientUsername\","
                                "\"time\":[\"StartUTC\",\"StartLocal\",\"time\"],"
                                "\"method\":\"RequestMethod\","
                                "\"target\":\"RequestPath\","
                                "\"protocol\":\"RequestProtocol\","
                                "\"status\":[\"DownstreamStatus\",\"OriginStatus\"],"
                                "\"bytes\":[\"DownstreamContentSize\",\"OriginContentSize\"],"
                                "\"referrer\":\"request_Referer\","
                                "\"agent\":\"request_User-Agent\","
                                "\"hint_brands\":\"request_Sec-Ch-Ua\","
                                "\"hint_mobile\":\"request_Sec-Ch-Ua-Mobile\","
                                "\"hint_platform\":\"request_Sec-Ch-Ua-Platform\","
                                "\"hint_platform_version\":\"request_Sec-Ch-Ua-Platform-Version\","
                                "\"hint_model\":\"request_Sec-Ch-Ua-Model\"}";

/* Standard logging v2 with JSON as output format. */
const char json_map_cloudfront[] = "{\"percent\":true,"
                                   "\"host\":\"c-ip\","
                                   "\"vhost\":\"x-host-header\","
                                   "\"time_ms\":\"timestamp(ms)\","
                                   "\"time\":\"timestamp\","
                                   "\"date\":\"date\","
                                   "\"clock\":\"time\","
                                   "\"method\":\"cs-method\","
                                   "\"target\":\"cs-uri-stem\","
                                   "\"query\":\"cs-uri-query\","
                                   "\"protocol\":\"cs-protocol-version\","
                                   "\"status\":\"sc-status\","
                                   "\"bytes\":\"sc-bytes\","
                                   "\"referrer\":\"cs(Referer)\","
                                   "\"agent\":\"cs(User-Agent)\"}";

/* https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry */
const char json_map_gcp[] = "{\"host\":\"httpRequest.remoteIp\","
                            "\"time\":\"timestamp\","
                            "\"method\":\"httpRequest.requestMethod\","
                            "\"target\":\"httpRequest.requestUrl\","
                            "\"protocol\":\"httpRequest.protocol\","
                            "\"status\":\"httpRequest.status\","
                            "\"bytes\":\"httpRequest.responseSize\","
                            "\"referrer\":\"httpRequest.referer\","
                            "\"agent\":\"httpRequest.userAgent\"}";

/* https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html */
const char json_map_ecs[] =
    "{\"host\":[\"client.ip\",\"source.ip\",\"client.address\",\"source.address\"],"
    "\"vhost\":[\"url.domain\",\"destination.domain\"],"
    "\"user\":[\"user.name\",\"client.user.name\",\"source.user.name\"],"
    "\"time\":\"@timestamp\","
    "\"method\":\"http.request.method\","
    "\"target\":[\"url.original\",\"url.full\",\"url.path\"],"
    "\"query\":\"url.query\","
    "\"status\":\"http.response.status_code\","
    "\"bytes\":[\"http.response.body.bytes\",\"http.response.bytes\"],"
    "\"referrer\":\"http.request.referrer\","
    "\"agent\":[\"user_agent.original\",\"http.request.headers.user-agent\"]}";

/* What this server writes of a beacon (source/beacon.c). */
const char json_map_beacon[] = "{\"host\":\"ip\","
                               "\"time_ms\":\"ts\","
                               "\"target\":\"u\","
                               "\"referrer\":\"r\","
                               "\"agent\":\"ua\","
                               "\"event\":\"n\","
                               "\"props\":\"p\","
                               "\"hint_brands\":\"ch\","
                               "\"hint_mobile\":\"chm\","
                               "\"hint_platform\":\"chp\"}";
