#include "support/unit.h"

#include "base/fs.h"
#include "refine/visitor.h"
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char dir[64], data[80], keys[96];
};

static int make_folder(void **state) {
    struct folder *f = xcalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/visitor_test.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->data, sizeof f->data, "%s/data", f->dir);
    snprintf(f->keys, sizeof f->keys, "%s/keys", f->data);
    *state = f;
    return 0;
}

static int drop_folder(void **state) {
    struct folder *f = *state;
    unlink(f->keys);
    rmdir(f->data);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void write_keys(const struct folder *f, const char *text) {
    struct err err = {0};
    assert_ok(fs_make_dirs(f->data, &err), err);
    assert_ok(fs_replace_file(f->keys, str_from(text), 0600, &err), err);
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void visitor__key_is_made_once_and_read_back(void **state) {
    const struct folder *f = *state;
    struct visitor_key first = {0}, second = {0}, none = {0};
    struct err err = {0};
    assert_ok(visitor_key_open(f->data, &first, &err), err);
    assert_memory_not_equal(&first, &none, sizeof none);
    assert_int_equal(mode_of(f->keys), 0600);
    assert_ok(visitor_key_open(f->data, &second, &err), err);
    assert_memory_equal(&first, &second, sizeof first);
}

static void visitor__two_directories_have_two_keys(void **state) {
    const struct folder *f = *state;
    struct visitor_key first, second;
    struct err err = {0};
    assert_ok(visitor_key_open(f->data, &first, &err), err);
    assert_int_equal(unlink(f->keys), 0);
    assert_ok(visitor_key_open(f->data, &second, &err), err);
    assert_memory_not_equal(&first, &second, sizeof first);
}

static void visitor__key_that_others_could_read_is_closed(void **state) {
    const struct folder *f = *state;
    struct visitor_key key;
    struct err err = {0};
    assert_ok(visitor_key_open(f->data, &key, &err), err);
    assert_int_equal(chmod(f->keys, 0644), 0);
    assert_ok(visitor_key_open(f->data, &key, &err), err);
    assert_int_equal(mode_of(f->keys), 0600);
}

#define HEX "000102030405060708090a0b0c0d0e0f"

static void visitor__key_file_may_hold_comments_and_crs(void **state) {
    const struct folder *f = *state;
    struct visitor_key key;
    struct err err = {0};
    write_keys(f, "# a comment\r\n\r\n visitor  " HEX "\r\n");
    assert_ok(visitor_key_open(f->data, &key, &err), err);
    for (size_t i = 0; i < sizeof key.bytes; i++)
        assert_int_equal(key.bytes[i], i);
}

static void visitor__damaged_key_file_is_never_replaced(void **state) {
    const struct folder *f = *state;
    static const char *const damaged[] = {
        "",
        "# only a comment\n",
        "visitor\n",
        "visitor 00\n",
        "visitor " HEX "00\n",
        "visitor 0001020304050607xx090a0b0c0d0e0f\n",
        "visitor " HEX "\nvisitor " HEX "\n",
        "visitor " HEX "\nelse\n",
        "something " HEX "\n",
        "\x00\x01",
    };
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        struct visitor_key key;
        struct err err = {0};
        struct buf after = {0};
        write_keys(f, damaged[i]);
        if (visitor_key_open(f->data, &key, &err) != ERR_USAGE)
            fail_msg("accepted: %s", damaged[i]);
        assert_non_null(strstr(err.text, f->keys));
        assert_non_null(strstr(err.text, "backup"));
        assert_ok(fs_read_file(f->keys, 1000, &after, &err), err);
        assert_str(buf_str(&after), damaged[i]);
        buf_release(&after);
    }
}

static void visitor__message_does_not_tell_the_key(void **state) {
    const struct folder *f = *state;
    struct visitor_key key;
    struct err err = {0};
    write_keys(f, "visitor " HEX "\nvisitor " HEX "\n");
    assert_int_equal(visitor_key_open(f->data, &key, &err), ERR_USAGE);
    assert_null(strstr(err.text, "0405"));
}

static void visitor__unreadable_directory_is_an_io_error(void **state) {
    const struct folder *f = *state;
    struct visitor_key key;
    struct err err = {0};
    char below[128];
    write_keys(f, "visitor " HEX "\n");
    snprintf(below, sizeof below, "%s/below", f->keys); /* a file is in the way */
    assert_int_equal(visitor_key_open(below, &key, &err), ERR_IO);
}

static void visitor__number_is_siphash_of_host_nul_agent(void **state) {
    UNUSED(state);
    struct visitor_key key;
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (unsigned char)i;
    /* Aumasson, Bernstein: "SipHash: a fast short-input PRF", appendix A: the message 00 01 ... 0e
     */
    assert_true(visitor_id(&key, STR(""), STR("\1\2\3\4\5\6\7\10\11\12\13\14\15\16")) ==
                0xa129ca6149be45e5ULL);
    assert_true(visitor_id(&key, STR("192.0.2.7"), STR("Mozilla/5.0")) == 0xba90f347f9190b56ULL);
    assert_true(visitor_id(&key, STR("ab"), STR("")) != visitor_id(&key, STR("a"), STR("b")));
    assert_true(visitor_id(&key, STR("a"), STR("B")) != visitor_id(&key, STR("a"), STR("b")));
}

static void visitor__long_agents_count_to_their_last_byte(void **state) {
    UNUSED(state);
    struct visitor_key key = {{1}};
    char agent[5000];
    memset(agent, 'x', sizeof agent);
    uint64_t a = visitor_id(&key, STR("h"), str_of(agent, sizeof agent));
    agent[sizeof agent - 1] = 'y';
    assert_true(visitor_id(&key, STR("h"), str_of(agent, sizeof agent)) != a);
    struct visitor_key other = {{2}};
    agent[sizeof agent - 1] = 'x';
    assert_true(visitor_id(&other, STR("h"), str_of(agent, sizeof agent)) != a);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

UNIT_MAIN(IN_FOLDER(visitor__key_is_made_once_and_read_back),
          IN_FOLDER(visitor__two_directories_have_two_keys),
          IN_FOLDER(visitor__key_that_others_could_read_is_closed),
          IN_FOLDER(visitor__key_file_may_hold_comments_and_crs),
          IN_FOLDER(visitor__damaged_key_file_is_never_replaced),
          IN_FOLDER(visitor__message_does_not_tell_the_key),
          IN_FOLDER(visitor__unreadable_directory_is_an_io_error),
          unit_test(visitor__number_is_siphash_of_host_nul_agent),
          unit_test(visitor__long_agents_count_to_their_last_byte))
