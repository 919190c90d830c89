#include "api/params.h"

bool param_next(struct str *rest, struct param *ret) {
    struct str line, head;
    if (!str_split(rest, '\n', &line) || line.len == 0)
        return false;
    *ret = (struct param){.type = STR("string")};
    (void)str_split(&line, ':', &head);
    ret->doc = line;
    (void)str_split(&head, ' ', &ret->name);
    if (head.len > 0)
        ret->type = head;
    if (str_starts(ret->name, STR(".")))
        ret->place = PARAM_FIELD;
    else if (str_starts(ret->name, STR("@")))
        ret->place = PARAM_BODY;
    if (ret->place != PARAM_QUERY)
        ret->name = str_skip(ret->name, 1);
    ret->required = ret->name.len > 0 && ret->name.ptr[ret->name.len - 1] == '!';
    ret->name.len -= ret->required;
    return true;
}

bool params_have_field(const char *params, const char *name) {
    struct str rest = str_from(params);
    struct param p;
    while (param_next(&rest, &p))
        if (p.place == PARAM_FIELD && str_is(p.name, name))
            return true;
    return false;
}
