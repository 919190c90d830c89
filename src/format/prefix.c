#include "format/prefix.h"

#include "base/address.h"
#include "format/cursor.h"
#include "format/slots.h"

static bool is_address(struct str s) {
    struct address address;
    return address_parse(client_address(s), &address);
}

bool prefix_is_before(struct str first, struct str between) {
    struct cursor c = {between.ptr, between.ptr + between.len};
    if (is_address(first))
        return false;
    for (cursor_blanks(&c); c.at < c.end;) {
        if (!is_address(cursor_token(&c)))
            continue;
        struct cursor behind = c;
        (void)cursor_token(&behind);
        return cursor_token(&behind).len > 0;
    }
    return false;
}
