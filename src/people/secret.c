#include "people/secret.h"

#include <sodium.h>
#include <stdio.h>

static void to_text(const unsigned char bytes[32], char ret[SECRET_TEXT]) {
    sodium_bin2base64(ret, SECRET_TEXT, bytes, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void secret_make(const char *prefix, struct secret *ret) {
    unsigned char bytes[32];
    char text[SECRET_TEXT];
    assert(strlen(prefix) < SECRET_PREFIX);
    randombytes_buf(bytes, sizeof bytes);
    to_text(bytes, text);
    snprintf(ret->text, sizeof ret->text, "%s%s", prefix, text);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(text, sizeof text);
}

void secret_hash(struct str secret, char ret[SECRET_TEXT]) {
    unsigned char hash[32];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)secret.ptr, secret.len, NULL, 0);
    to_text(hash, ret);
}

void secret_derive(struct str secret, const char *purpose, char ret[SECRET_TEXT]) {
    crypto_generichash_state state;
    unsigned char hash[32];
    crypto_generichash_init(&state, (const unsigned char *)purpose, strlen(purpose), sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)secret.ptr, secret.len);
    crypto_generichash_final(&state, hash, sizeof hash);
    to_text(hash, ret);
}

bool secret_equal(struct str a, struct str b) {
    return a.len == b.len && a.len > 0 && sodium_memcmp(a.ptr, b.ptr, a.len) == 0;
}
