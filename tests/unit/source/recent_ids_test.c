#include "source/recent_ids.h"

#include "support/unit.h"
#include <time.h>

static struct str number(char room[16], unsigned n) {
    int len = snprintf(room, 16, "%u", n);
    return str_of(room, (size_t)len);
}

static void claim__goes_from_new_over_waiting_to_durable(void **state) {
    UNUSED(state);
    struct recent_ids *r = recent_ids_new(4);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("a"))), RECENT_NEW);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("a"))), RECENT_WAITING);
    recent_ids_settle(r, recent_key_of(STR("s"), STR("a")), true);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("a"))), RECENT_DURABLE);
    recent_ids_free(r);
}

static void refused__is_new_again(void **state) {
    UNUSED(state);
    struct recent_ids *r = recent_ids_new(4);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("a"))), RECENT_NEW);
    recent_ids_settle(r, recent_key_of(STR("s"), STR("a")), false);
    assert_int_equal(recent_ids_count(r), 0);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("a"))), RECENT_NEW);
    recent_ids_free(r);
}

static void scope__keeps_the_same_id_apart(void **state) {
    UNUSED(state);
    struct recent_ids *r = recent_ids_new(8);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("ab"), STR("c"))), RECENT_NEW);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("a"), STR("bc"))), RECENT_NEW);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR(""), STR("abc"))), RECENT_NEW);
    assert_int_equal(recent_ids_count(r), 3);
    recent_ids_free(r);
}

static void full__of_claims_takes_no_more_and_forgets_none(void **state) {
    UNUSED(state);
    struct recent_ids *r = recent_ids_new(2);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("a"))), RECENT_NEW);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("b"))), RECENT_NEW);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("c"))), RECENT_WAITING);
    recent_ids_settle(r, recent_key_of(STR("s"), STR("a")), true);
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("c"))),
                     RECENT_NEW); /* in place of a */
    assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), STR("b"))), RECENT_WAITING);
    recent_ids_free(r);
}

static void list__is_what_another_table_keeps_in_the_same_order(void **state) {
    UNUSED(state);
    struct recent_ids *r = recent_ids_new(4), *other = recent_ids_new(4);
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct recent_key key = recent_key_of(STR("s"), str_from(ids[i]));
        assert_int_equal(recent_ids_claim(r, key), RECENT_NEW);
        if (i != 4) /* one is not durable yet */
            recent_ids_settle(r, key, true);
    }
    struct buf list = {0}, again = {0};
    recent_ids_list(r, &list);
    assert_int_equal(list.len, 3 * RECENT_KEY_BYTES); /* c, d, f */
    for (size_t i = 0; i < list.len; i += RECENT_KEY_BYTES) {
        struct recent_key key;
        memcpy(key.bytes, list.ptr + i, sizeof key.bytes);
        recent_ids_keep(other, key);
        recent_ids_keep(other, key);
    }
    recent_ids_list(other, &again);
    assert_true(str_eq(buf_str(&list), buf_str(&again)));
    assert_int_equal(recent_ids_claim(other, recent_key_of(STR("s"), STR("c"))), RECENT_DURABLE);
    assert_int_equal(recent_ids_claim(other, recent_key_of(STR("s"), STR("e"))), RECENT_NEW);
    buf_release(&list);
    buf_release(&again);
    recent_ids_free(r);
    recent_ids_free(other);
}

/* The model: an array of states by id, with the places of the ring written out. */
#define IDS 200u
#define PLACES 32u

struct model {
    enum { ABSENT, CLAIMED, KEPT } state[IDS];
    unsigned ring[PLACES]; /* id + 1, 0: free */
    unsigned at;
};

static enum recent_claim model_claim(struct model *m, unsigned id) {
    if (m->state[id] != ABSENT)
        return m->state[id] == CLAIMED ? RECENT_WAITING : RECENT_DURABLE;
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned *place = &m->ring[m->at];
        m->at = (m->at + 1) % PLACES;
        if (*place != 0 && m->state[*place - 1] == CLAIMED)
            continue;
        if (*place != 0)
            m->state[*place - 1] = ABSENT;
        *place = id + 1;
        m->state[id] = CLAIMED;
        return RECENT_NEW;
    }
    return RECENT_WAITING;
}

static void model_settle(struct model *m, unsigned id, bool durable) {
    m->state[id] = durable ? KEPT : ABSENT;
    for (unsigned i = 0; !durable && i < PLACES; i++)
        if (m->ring[i] == id + 1)
            m->ring[i] = 0;
}

static void random__calls_do_what_the_model_does(void **state) {
    UNUSED(state);
    srandom((unsigned)unit_seed());
    struct model m = {0};
    struct recent_ids *r = recent_ids_new(PLACES);
    char room[16];
    for (unsigned turn = 0; turn < 200000; turn++) {
        unsigned id = (unsigned)random() % IDS;
        if (m.state[id] == CLAIMED && random() % 4 != 0) {
            bool durable = random() % 3 != 0;
            recent_ids_settle(r, recent_key_of(STR("s"), number(room, id)), durable);
            model_settle(&m, id, durable);
        } else {
            assert_int_equal(recent_ids_claim(r, recent_key_of(STR("s"), number(room, id))),
                             model_claim(&m, id));
        }
        unsigned count = 0;
        for (unsigned i = 0; i < IDS; i++)
            count += m.state[i] != ABSENT;
        assert_int_equal(recent_ids_count(r), count);
    }
    recent_ids_free(r);
}

UNIT_MAIN(unit_test(claim__goes_from_new_over_waiting_to_durable), unit_test(refused__is_new_again),
          unit_test(scope__keeps_the_same_id_apart),
          unit_test(full__of_claims_takes_no_more_and_forgets_none),
          unit_test(list__is_what_another_table_keeps_in_the_same_order),
          unit_test(random__calls_do_what_the_model_does))
