#include "api/internal.h"
#include "support/unit.h"

enum who { NOBODY, INGEST, SHARE, VIEWER, EDITOR, ADMIN, LOCAL, WHO };

static const struct caller callers[WHO] = {
    [NOBODY] = {.kind = CALLER_NOBODY, .access = ACCESS_PUBLIC},
    [INGEST] = {.kind = CALLER_TOKEN, .access = ACCESS_PUBLIC},
    [SHARE] = {.kind = CALLER_SHARE, .access = ACCESS_VIEWER},
    [VIEWER] = {.kind = CALLER_SESSION, .access = ACCESS_VIEWER},
    [EDITOR] = {.kind = CALLER_SESSION, .access = ACCESS_EDITOR},
    [ADMIN] = {.kind = CALLER_SESSION, .access = ACCESS_ADMIN},
    [LOCAL] = {.kind = CALLER_LOCAL, .access = ACCESS_ADMIN},
};

/* What each gets from a route of that access. 0: to the handler. */
static const unsigned expected[][WHO] = {
    [ACCESS_PUBLIC] = {0, 0, 0, 0, 0, 0, 0},
    [ACCESS_LOCAL] = {403, 403, 403, 403, 403, 403, 0},
    [ACCESS_SOURCE] = {0, 0, 0, 0, 0, 0, 0}, /* api_admit_sender() looks at the source */
    [ACCESS_VIEWER] = {401, 403, 0, 0, 0, 0, 0},
    [ACCESS_EDITOR] = {401, 403, 403, 403, 0, 0, 0},
    [ACCESS_ADMIN] = {401, 403, 403, 403, 403, 0, 0},
};

static void admitted__every_route_to_every_caller(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct api_route *route = api_routes[i].extra;
        for (enum who w = NOBODY; w < WHO; w++) {
            unsigned got = caller_admitted(&callers[w], route->access, w == LOCAL);
            if (got != expected[route->access][w])
                fail_msg("%s for caller %d: %u", route->name, (int)w, got);
        }
    }
}

/* A new route that changes something is for editors or administrators, unless it stands here. */
static void routes__that_change_something_are_not_for_viewers(void **state) {
    UNUSED(state);
    static const char *const others[] = {
        "/api/v1/query", "/api/v1/session", "/api/v1/session/password",
        "/api/v1/setup", "/api/event",
    };
    for (size_t i = 0; i < api_n_routes; i++) {
        const struct api_route *route = api_routes[i].extra;
        bool listed = false;
        for (size_t j = 0; j < ARRAY_LEN(others); j++)
            listed = listed || strcmp(api_routes[i].path, others[j]) == 0;
        bool changes = (api_routes[i].methods & ~(unsigned)(HTTP_GET | HTTP_OPTIONS)) != 0;
        bool guarded = route->access >= ACCESS_EDITOR || route->access == ACCESS_SOURCE ||
                       route->access == ACCESS_LOCAL;
        if (changes && !listed && !guarded)
            fail_msg("%s changes something: who may?", api_routes[i].path);
    }
}

static void sees__its_own_sites_only(void **state) {
    UNUSED(state);
    char *sites[] = {"a.org", "b.org"};
    const struct caller some = {.sites = sites, .n_sites = 2}, all = {.all_sites = true},
                        none = {0};
    assert_true(caller_sees(&some, STR("b.org")));
    assert_false(caller_sees(&some, STR("c.org")));
    assert_false(caller_sees(&some, STR("a.or")));
    assert_false(caller_sees(&some, STR("")));
    assert_true(caller_sees(&all, STR("c.org")));
    assert_false(caller_sees(&none, STR("a.org")));
}

UNIT_MAIN(unit_test(admitted__every_route_to_every_caller),
          unit_test(routes__that_change_something_are_not_for_viewers),
          unit_test(sees__its_own_sites_only))
