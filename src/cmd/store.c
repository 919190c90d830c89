#include "cmd/store.h"
#include "base/fs.h"
#include "refine/refine.h"

#include "cmd/overview.h"
#include "cmd/words.h"
#include <stdio.h>
#include <unistd.h>

#define WAIT_SECONDS 10.0 /* for a server that is starting or stopping */
#define WAIT_STEP_US 50000
#define TRIES 2u          /* more of a question under which the engine dies */
#define AWAY_SECONDS 30.0 /* for the engine to come back */

static const struct {
    const char *command;
    cmd_answer_fn *answer;
    cmd_open_fn *open; /* who surely refines has the rules loaded while the engine starts */
} answers[] = {
    {"stats", stats_answer, instance_open},
    {"sql", sql_answer, instance_open},
    {"verify", verify_answer, instance_open},
    {"rebuild", rebuild_answer, instance_open_refining},
    {"relabel", relabel_answer, instance_open_refining},
    {"user", user_answer, instance_open_control},
    {"token", token_answer, instance_open_control},
};

/* --- in this process, or in the server --- */

int cmd_open_store(const struct config *config, const char *data_dir, const char *command,
                   cmd_open_fn *open, struct remote **ret_remote, struct instance **ret_in,
                   struct err *err) {
    double end = clock_monotonic_seconds() + WAIT_SECONDS;
    for (;;) {
        int rc = remote_open(data_dir, ret_remote, err);
        if (rc != 0 || *ret_remote != NULL)
            return rc;
        rc = open(config, data_dir, command, ret_in, err);
        if (rc != ERR_BUSY || !data_lock_is_of(data_dir, "serve"))
            return rc;
        if (clock_monotonic_seconds() > end)
            return err_set(err, ERR_AWAY, "the server is starting or stopping: try again");
        usleep(WAIT_STEP_US);
    }
}

static int run_here(struct instance *in, const struct config *config, cmd_answer_fn *answer,
                    const struct cmd_request *request, struct buf *out, struct err *err) {
    const struct cmd_store store = {.in = in, .config = config, .client = in->client};
    return answer(&store, request, out, err);
}

int cmd_ask_server(struct remote *remote, const struct cmd_request *request, struct buf *out,
                   struct err *err) {
    struct buf body = {0}, path = {0};
    size_t words = words_add(request->args, &body);
    buf_add_str(&body, request->input);
    buf_printf(&path, "/local/run?words=%zu&width=%u&color=%d", words, request->style.width,
               request->style.color);
    int rc = remote_call(remote, "POST", buf_cstr(&path), buf_str(&body), out, err);
    buf_release(&path);
    buf_release(&body);
    return rc;
}

int cmd_with_store(const struct cmd_context *ctx, const struct cmd_args *args, struct str input,
                   struct err *err) {
    struct config *config = NULL;
    struct remote *remote = NULL;
    struct instance *in = NULL;
    struct buf out = {0};
    const struct cmd_request request = {args, input, cmd_output_style()};
    size_t i = 0;
    while (strcmp(answers[i].command, args->command->name) != 0)
        i++; /* it is there: a command calls us by itself */
    int rc = cmd_config(ctx, &config, err);
    if (rc == 0 && !fs_exists(cmd_data_dir(ctx, config)))
        fprintf(stderr, "caskalytics: %s: no such data directory: an empty one is made\n",
                cmd_data_dir(ctx, config));
    if (rc == 0)
        rc = cmd_open_store(config, cmd_data_dir(ctx, config), answers[i].command, answers[i].open,
                            &remote, &in, err);
    if (rc == 0 && remote != NULL)
        rc = cmd_ask_server(remote, &request, &out, err);
    else if (rc == 0)
        rc = run_here(in, in->config, answers[i].answer, &request, &out, err);
    if (out.len > 0) {
        int written = cmd_write(buf_str(&out), rc == 0 ? err : NULL);
        rc = rc == 0 ? written : rc;
    }
    buf_release(&out);
    remote_close(remote);
    instance_close(in);
    config_free(config);
    return rc;
}

/* --- in the server --- */

int cmd_serve_run(void *arg, const struct api_run *run, struct buf *out, struct err *err) {
    struct cmd_server *server = arg;
    struct words words = {0};
    struct cmd_request request = {.args = &words.args, .style = {run->color, run->width}};
    const struct cmd_store store = {.in = live_instance(run->live),
                                    .live = run->live,
                                    .config = run->config,
                                    .client = run->client,
                                    .stop = run->stop,
                                    .whole = &server->whole};
    size_t i = 0;
    int rc = words_take(run->body, run->words, &words, err);
    while (rc == 0 && i < ARRAY_LEN(answers) &&
           strcmp(answers[i].command, words.args.command->name) != 0)
        i++;
    if (rc == 0 && i == ARRAY_LEN(answers))
        rc = err_set(err, ERR_USAGE, "no command that the server can run");
    request.input = words.input;
    if (rc == 0)
        rc = answers[i].answer(&store, &request, out, err);
    words_release(&words);
    return rc;
}

/* --- for the commands --- */

static int show_bytes(void *arg, uint64_t done, uint64_t all) {
    progress_show(arg, done, all, done, "B");
    return stop_asked();
}

int cmd_store_catch_up(const struct cmd_store *store, struct err *err) {
    struct progress progress;
    if (store->live != NULL)
        return live_wait_all(store->live, store->stop, err);
    progress_begin(&progress, "catching up with the lake");
    int rc = instance_catch_up(store->in, show_bytes, &progress, err);
    progress_end(&progress);
    return rc;
}

bool cmd_store_again(const struct cmd_store *store, int rc, unsigned *tries) {
    return rc == ERR_AWAY && store->live != NULL && !live_state(store->live).rebuilding &&
           ++*tries <= TRIES && live_wait_ready(store->live, AWAY_SECONDS, store->stop);
}

uint64_t cmd_store_rebuilds(const struct cmd_store *store) {
    return store->live != NULL ? live_state(store->live).rebuilds : 0;
}

uint64_t cmd_store_starts(const struct cmd_store *store) {
    return store->live != NULL ? live_state(store->live).engine_starts : 0;
}

void cmd_store_progress(const struct cmd_store *store, struct progress *p, const char *what) {
    progress_begin(p, what);
    p->on = p->on && store->live == NULL;
}

bool cmd_store_stopped(const struct cmd_store *store) {
    return store->stop != NULL ? atomic_load(store->stop) : stop_asked();
}

int cmd_store_claim(const struct cmd_store *store, struct err *err) {
    if (store->whole != NULL && atomic_flag_test_and_set(store->whole))
        return err_set(err, ERR_BUSY, "another `rebuild` or `verify` is running");
    return 0;
}

void cmd_store_release(const struct cmd_store *store) {
    if (store->whole != NULL)
        atomic_flag_clear(store->whole);
}

int cmd_store_stale(const struct cmd_store *store, uint64_t *ret_stale, uint64_t *ret_rows,
                    struct err *err) {
    struct buf sql = {0}, out = {0};
    int rc = store->live != NULL ? 0 : instance_load_refiner(store->in, err);
    if (rc == 0) {
        unsigned rules =
            store->live != NULL ? live_state(store->live).rules : refiner_rules(store->in->refiner);
        buf_printf(&sql,
                   "SELECT sum(stale), sum(n) FROM (SELECT countIf(rules != %u) AS stale, count()"
                   " AS n FROM events UNION ALL SELECT countIf(rules != %u) AS stale, count() AS n"
                   " FROM rejected)",
                   rules, rules);
        rc = client_query(store->client, buf_str(&sql), "TSV", NULL, 0, &out, err);
    }
    struct str rest = str_trim(buf_str(&out)), cell;
    if (rc == 0 && (!str_split(&rest, '\t', &cell) || !str_to_u64(cell, ret_stale) ||
                    !str_to_u64(rest, ret_rows)))
        rc = err_set(err, ERR_ENGINE, "the engine counts rows as \"%s\"", buf_cstr(&out));
    buf_release(&sql);
    buf_release(&out);
    return rc;
}
