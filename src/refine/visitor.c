/* DATA/keys is text: lines that start with # are for people, `visitor HEX` is the key. Keys that
 * rotate will be further lines. */
#include "refine/visitor.h"

#include "base/fs.h"
#include "base/limits.h"
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KEYS_FILE_BYTES ((size_t)64 << 10)

static_assert(VISITOR_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash takes 128 bits of key");
static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "a visitor is 64 bits");

static int make_key(const char *path, struct visitor_key *ret, struct err *err) {
    struct visitor_key key;
    char hex[2 * VISITOR_KEY_BYTES + 1];
    randombytes_buf(key.bytes, sizeof key.bytes);
    sodium_bin2hex(hex, sizeof hex, key.bytes, sizeof key.bytes);
    struct buf text = {0};
    buf_printf(&text,
               "# Caskalytics: key of the visitor numbers. Keep it secret, and keep it in every\n"
               "# backup: without it every visitor would be new.\n"
               "visitor %s\n",
               hex);
    int rc = fs_replace_file(path, buf_str(&text), 0600, err);
    if (rc == 0)
        *ret = key;
    sodium_memzero(&key, sizeof key);
    sodium_memzero(hex, sizeof hex);
    sodium_memzero(text.ptr, text.len);
    buf_release(&text);
    return rc;
}

static bool parse_hex(struct str hex, struct visitor_key *ret) {
    size_t len = 0;
    const char *end = NULL;
    return hex.len == 2 * VISITOR_KEY_BYTES &&
           sodium_hex2bin(ret->bytes, sizeof ret->bytes, hex.ptr, hex.len, NULL, &len, &end) == 0 &&
           len == VISITOR_KEY_BYTES && end == hex.ptr + hex.len;
}

static int parse_keys(struct str text, const char *path, struct visitor_key *ret, struct err *err) {
    bool found = false, damaged = false;
    struct str line;
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (found || !str_starts(line, STR("visitor ")) ||
            !parse_hex(str_trim(str_skip(line, 8)), ret))
            damaged = true;
        found = true;
    }
    if (found && !damaged)
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s: damaged: expected one line \"visitor\" and %d hexadecimal digits. Put the "
                   "file back from a backup. Only if there is none, remove it: a new key is made "
                   "then, and every visitor will be new",
                   path, 2 * VISITOR_KEY_BYTES);
}

int visitor_key_open(const char *data_dir, struct visitor_key *ret, struct err *err) {
    struct buf path = {0}, text = {.limit = 2 * KEYS_FILE_BYTES};
    int rc = sodium_init() < 0 ? err_set(err, ERR_IO, "no source of random numbers") : 0;
    buf_printf(&path, "%s/keys", data_dir);
    if (rc == 0)
        rc = fs_read_file(buf_cstr(&path), KEYS_FILE_BYTES, &text, err);
    if (rc == ERR_NOTFOUND) {
        rc = fs_make_dirs(data_dir, err);
        if (rc == 0)
            rc = make_key(buf_cstr(&path), ret, err);
    } else if (rc == ERR_TOOBIG) {
        rc = parse_keys(STR(""), buf_cstr(&path), ret, err);
    } else if (rc == 0) {
        struct stat st;
        rc = parse_keys(buf_str(&text), buf_cstr(&path), ret, err);
        if (rc == 0 && stat(buf_cstr(&path), &st) == 0 && (st.st_mode & 077) != 0 &&
            chmod(buf_cstr(&path), 0600) < 0)
            rc = err_errno(err, ERR_IO, "%s: chmod 0600", buf_cstr(&path));
    }
    if (text.ptr != NULL)
        sodium_memzero(text.ptr, text.len);
    buf_release(&text);
    buf_release(&path);
    return rc;
}

int visitor_key_random(struct visitor_key *ret, struct err *err) {
    if (sodium_init() < 0)
        return err_set(err, ERR_IO, "no source of random numbers");
    randombytes_buf(ret->bytes, sizeof ret->bytes);
    return 0;
}

uint64_t visitor_id(const struct visitor_key *key, struct str host, struct str agent) {
    unsigned char line[LIMIT_LINE_BYTES], *bytes = line, hash[crypto_shorthash_BYTES];
    size_t n = host.len + 1 + agent.len;
    if (n > sizeof line) /* not both from one line */
        bytes = xmalloc(n);
    memcpy(bytes, host.ptr, host.len);
    bytes[host.len] = '\0';
    memcpy(bytes + host.len + 1, agent.ptr, agent.len);
    crypto_shorthash(hash, bytes, n, key->bytes);
    if (bytes != line)
        free(bytes);
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof hash; i++) /* the same number on every machine */
        id |= (uint64_t)hash[i] << (8 * i);
    return id;
}
