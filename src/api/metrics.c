/* /metrics: counters and gauges in the text format of Prometheus (its exposition format 0.0.4).
 * Each name stands in docs/operations.md; a test compares. */
#include "api/internal.h"
#include "daemon/tails.h"
#include "people/sessions.h"

#include <dirent.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void begin_metric(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP caskalytics_%s %s\n# TYPE caskalytics_%s %s\n", name, help, name, type);
}

static void add_metric(struct buf *out, const char *name, const char *type, const char *help,
                       uint64_t value) {
    begin_metric(out, name, type, help);
    buf_printf(out, "caskalytics_%s %llu\n", name, (unsigned long long)value);
}

static void add_seconds(struct buf *out, const char *name, const char *help, double value) {
    begin_metric(out, name, "gauge", help);
    buf_printf(out, "caskalytics_%s %.3f\n", name, value);
}

/* With a source for a label. Of the escapes of JSON the format knows only these. */
static void begin_sample(struct buf *out, const char *name, const char *source) {
    struct buf text = {0};
    buf_add_utf8(&text, str_from(source));
    buf_printf(out, "caskalytics_%s{source=\"", name);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.ptr[i]);
    }
    buf_add_char(out, '"');
    buf_release(&text);
}

static void add_intakes(struct api *api, struct buf *out) {
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"intake_records_total", "Records written to the lake.",
         offsetof(struct intake_counts, records)},
        {"intake_blocks_total", "Blocks written to the lake.",
         offsetof(struct intake_counts, blocks)},
        {"intake_bytes_total", "Bytes of records written to the lake.",
         offsetof(struct intake_counts, bytes)},
        {"intake_tickets_total", "Requests whose records were written; blocks share them.",
         offsetof(struct intake_counts, tickets)},
        {"intake_refused_total", "Requests that the lake did not take.",
         offsetof(struct intake_counts, refused)},
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        begin_metric(out, rows[r].name, "counter", rows[r].help);
        for (size_t i = 0; i < instance_n_datasets; i++) {
            struct intake_counts counts =
                intake_counts(live_intake(api->options.live, instance_datasets[i]));
            uint64_t value;
            memcpy(&value, (const char *)&counts + rows[r].offset, sizeof value);
            buf_printf(out, "caskalytics_%s{dataset=\"%s\"} %llu\n", rows[r].name,
                       dataset_name(instance_datasets[i]), (unsigned long long)value);
        }
    }
}

static void add_tails(struct api *api, struct buf *out) {
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } rows[] = {
        {"tail_lines_total", "counter", "Lines that a tail source wrote to the lake.",
         offsetof(struct tail_source_status, lines)},
        {"tail_lag_bytes", "gauge", "Bytes of followed files that are not in the lake yet.",
         offsetof(struct tail_source_status, lag)},
    };
    struct tail_status status = {0};
    if (api->options.tails != NULL)
        tails_status(api->options.tails, &status);
    for (size_t r = 0; status.sources.len > 0 && r < ARRAY_LEN(rows); r++) {
        begin_metric(out, rows[r].name, rows[r].type, rows[r].help);
        for (size_t i = 0; i < status.sources.len; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&status.sources.items[i] + rows[r].offset, sizeof value);
            begin_sample(out, rows[r].name, status.sources.items[i].id);
            buf_printf(out, "} %llu\n", (unsigned long long)value);
        }
    }
    tail_status_release(&status);
}

/* --- sources: those of the configuration, and beacons; no names that others make up --- */

struct counted {
    const char *id;
    bool with_ids; /* duplicates are known */
    struct live_source counts;
};

static void add_sample(struct buf *out, const char *name, const char *id, const char *label,
                       const char *word, uint64_t value) {
    begin_sample(out, name, id);
    if (label != NULL)
        buf_printf(out, ",%s=\"%s\"", label, word);
    buf_printf(out, "} %llu\n", (unsigned long long)value);
}

static void add_lines(struct buf *out, const struct counted *sources, size_t n) {
    begin_metric(out, "source_lines_total", "counter", "Lines by source, and what became of them.");
    for (size_t i = 0; i < n; i++) {
        const struct apply_counts *lines = &sources[i].counts.lines;
        uint64_t rejected[2] = {0}; /* [1]: excluded */
        for (size_t r = 0; r < REASON_COUNT; r++)
            rejected[reason_is_exclusion((enum reason)r)] += lines->rejected[r];
        const char *name = "source_lines_total", *id = sources[i].id;
        add_sample(out, name, id, "result", "accepted", lines->accepted);
        add_sample(out, name, id, "result", "rejected", rejected[0]);
        add_sample(out, name, id, "result", "excluded", rejected[1]);
    }
    begin_metric(out, "source_rejected_total", "counter", "Rejected lines by source and reason.");
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < REASON_COUNT; r++)
            if (sources[i].counts.lines.rejected[r] > 0 && !reason_is_exclusion((enum reason)r))
                add_sample(out, "source_rejected_total", sources[i].id, "reason",
                           reason_name((enum reason)r), sources[i].counts.lines.rejected[r]);
}

static void add_source_counts(struct buf *out, const struct counted *sources, size_t n) {
    add_lines(out, sources, n);
    begin_metric(out, "source_duplicates_total", "counter",
                 "Records by source that came again with an id that is known.");
    for (size_t i = 0; i < n; i++)
        if (sources[i].with_ids)
            add_sample(out, "source_duplicates_total", sources[i].id, NULL, NULL,
                       sources[i].counts.duplicates);
    begin_metric(out, "source_bytes_total", "counter", "Bytes of these lines.");
    for (size_t i = 0; i < n; i++)
        add_sample(out, "source_bytes_total", sources[i].id, NULL, NULL,
                   sources[i].counts.lines.bytes);
    begin_metric(out, "source_last_record_seconds", "gauge",
                 "When the last record of a source came, in seconds since 1970.");
    for (size_t i = 0; i < n; i++)
        if (sources[i].counts.lines.last_ms > 0)
            add_sample(out, "source_last_record_seconds", sources[i].id, NULL, NULL,
                       (uint64_t)sources[i].counts.lines.last_ms / 1000);
}

static void add_sources(struct api *api, struct buf *out) {
    const struct config *config = catalog_hold(live_instance(api->options.live)->catalog);
    struct counted *sources = xcalloc(config->n_sources + 1, sizeof *sources);
    size_t n = 0;
    for (size_t i = 0; i < config->n_sources; i++)
        sources[n++] = (struct counted){.id = config->sources[i].id,
                                        .with_ids = strcmp(config->sources[i].type, "tail") != 0};
    if (catalog_find_source(config, STR(BEACON_SOURCE)) == NULL)
        sources[n++] = (struct counted){.id = BEACON_SOURCE, .with_ids = true};
    for (size_t i = 0; i < n; i++)
        sources[i].counts = live_source(api->options.live, sources[i].id);
    add_source_counts(out, sources, n);
    free(sources);
    config_let_go(config);
}

/* --- HTTP --- */

/* The last one: what no route was found for. */
static const char *route_name(size_t i) {
    const struct api_route *route = i < api_n_routes ? api_routes[i].extra : NULL;
    return route != NULL ? route->name + strlen("api_") : "none";
}

static unsigned long long requests_of(const struct api_counts *counts) {
    unsigned long long n = 0;
    for (size_t s = 0; s <= API_SECONDS_STEPS; s++)
        n += counts->steps[s];
    return n;
}

static void add_requests(struct api *api, struct buf *out) {
    begin_metric(out, "http_requests_total", "counter", "HTTP requests by route and status.");
    for (size_t i = 0; i <= api_n_routes; i++)
        for (unsigned h = 1; h < ARRAY_LEN(api->counts[i].requests); h++)
            if (api->counts[i].requests[h] > 0)
                buf_printf(out,
                           "caskalytics_http_requests_total{route=\"%s\",status=\"%uxx\"} %llu\n",
                           route_name(i), h, (unsigned long long)api->counts[i].requests[h]);
}

static void add_durations(struct api *api, struct buf *out) {
    static const char name[] = "caskalytics_http_seconds";
    begin_metric(out, "http_seconds", "histogram",
                 "From the whole request to its answer, by route.");
    for (size_t i = 0; i <= api_n_routes; i++) {
        const struct api_counts *counts = &api->counts[i];
        unsigned long long all = requests_of(counts), n = 0;
        if (all == 0)
            continue;
        for (size_t s = 0; s < API_SECONDS_STEPS; s++) {
            n += counts->steps[s];
            buf_printf(out, "%s_bucket{route=\"%s\",le=\"%g\"} %llu\n", name, route_name(i),
                       api_seconds_steps[s], n);
        }
        all = n + counts->steps[API_SECONDS_STEPS];
        buf_printf(out, "%s_bucket{route=\"%s\",le=\"+Inf\"} %llu\n", name, route_name(i), all);
        buf_printf(out, "%s_sum{route=\"%s\"} %.6f\n", name, route_name(i),
                   (double)counts->micros / 1e6);
        buf_printf(out, "%s_count{route=\"%s\"} %llu\n", name, route_name(i), all);
    }
    struct http_counts http = http_server_counts(api->server);
    add_metric(out, "http_connections", "gauge", "Open HTTP connections.", http.connections);
    add_metric(out, "http_timeouts_total", "counter",
               "Connections that were closed because they took too long.", http.timeouts);
    add_metric(out, "http_bodies_bytes", "gauge",
               "Memory of the bodies of requests, without small ones.", http.bodies_bytes);
}

/* --- the processes --- */

/* From /proc; 0: it is gone. */
static uint64_t resident_bytes(int pid) {
    char path[64];
    unsigned long long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void) {
    uint64_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 3; /* . and .. and this one */
}

static void add_processes(struct api *api, struct buf *out) {
    struct engine_process *engine = live_instance(api->options.live)->engine;
    int pid = engine_process_pid(engine);
    begin_metric(out, "build_info", "gauge", "1; the version is a label.");
    buf_printf(out, "caskalytics_build_info{version=\"%s\"} 1\n", CASK_VERSION);
    add_seconds(out, "uptime_seconds", "Since the server was started.",
                (double)(clock_now_ms(&clock_system) - api->started_ms) / 1000);
    add_metric(out, "engine_up", "gauge", "1 when the engine process runs.",
               engine_process_alive(engine));
    begin_metric(out, "resident_bytes", "gauge", "Memory by process.");
    buf_printf(out, "caskalytics_resident_bytes{process=\"server\"} %llu\n",
               (unsigned long long)resident_bytes(getpid()));
    buf_printf(out, "caskalytics_resident_bytes{process=\"engine\"} %llu\n",
               (unsigned long long)(pid > 0 ? resident_bytes(pid) : 0));
    add_metric(out, "open_descriptors", "gauge", "Open file descriptors of the server.",
               open_descriptors());
}

/* --- the disk --- */

static void add_disk(struct api *api, struct buf *out) {
    const struct instance *in = live_instance(api->options.live);
    struct statvfs fs;
    begin_metric(out, "lake_bytes", "gauge", "Size of the lake's files.");
    for (size_t i = 0; i < instance_n_datasets; i++) {
        uint64_t bytes = 0;
        if (lake_size_after(in->lake_root, instance_datasets[i], 0, &bytes, NULL) == 0)
            buf_printf(out, "caskalytics_lake_bytes{dataset=\"%s\"} %llu\n",
                       dataset_name(instance_datasets[i]), (unsigned long long)bytes);
    }
    if (statvfs(in->data_dir, &fs) == 0)
        add_metric(out, "disk_free_bytes", "gauge",
                   "Room on the file system of the data directory.",
                   (uint64_t)fs.f_bavail * fs.f_frsize);
}

/* --- the store --- */

/* Numbers of blocks begin anew with each segment, so bytes tell how far it is. */
static void add_lag(struct api *api, const struct live_state *state, struct buf *out) {
    const char *root = live_instance(api->options.live)->lake_root;
    begin_metric(out, "store_lag_bytes", "gauge", "Bytes of the lake that are not in the store.");
    for (size_t i = 0; i < instance_n_datasets; i++) {
        enum dataset d = instance_datasets[i];
        uint64_t bytes = 0;
        if (state->applied[d] >= state->durable[d] ||
            lake_size_after(root, d, state->applied[d], &bytes, NULL) == 0)
            buf_printf(out, "caskalytics_store_lag_bytes{dataset=\"%s\"} %llu\n", dataset_name(d),
                       (unsigned long long)bytes);
    }
}

static void add_store(struct api *api, struct buf *out) {
    struct live_state state = live_state(api->options.live);
    add_metric(out, "ready", "gauge", "1 when questions are answered from all records.",
               state.ready);
    add_metric(out, "engine_starts_total", "counter", "Starts of the engine process.",
               state.engine_starts);
    add_metric(out, "engine_damaged_total", "counter",
               "Times that the engine's directory was damaged, and moved aside.",
               state.engine_damaged);
    add_metric(out, "store_version", "counter", "Changes of what questions are answered with.",
               state.version);
    add_metric(out, "lines_accepted_total", "counter", "Lines that became events.", state.accepted);
    add_metric(out, "lines_rejected_total", "counter", "Lines that were rejected.", state.rejected);
    add_metric(out, "lines_excluded_total", "counter", "Lines that the configuration excludes.",
               state.excluded);
    add_lag(api, &state, out);
    add_seconds(out, "store_lag_seconds",
                "Since the store last had all that was durable; 0 while it has.",
                state.lag_seconds);
}

static void add_logins(struct api *api, struct buf *out) {
    struct login_counts counts = people_login_counts(api_people(api));
    begin_metric(out, "logins_total", "counter", "Tries to log in.");
    buf_printf(out,
               "caskalytics_logins_total{result=\"good\"} %llu\n"
               "caskalytics_logins_total{result=\"wrong\"} %llu\n"
               "caskalytics_logins_total{result=\"throttled\"} %llu\n",
               (unsigned long long)counts.good, (unsigned long long)counts.wrong,
               (unsigned long long)counts.throttled);
}

void api_metrics(struct http_exchange *x, void *arg) {
    struct api *api = arg;
    struct buf *out = http_out(x);
    add_processes(api, out);
    add_store(api, out);
    struct answers_counts answers = answers_counts(api->answers);
    add_metric(out, "answers_hits_total", "counter", "Questions answered from the cache.",
               answers.hits);
    add_metric(out, "answers_misses_total", "counter", "Questions that were computed.",
               answers.misses);
    add_metric(out, "answers_entries", "gauge", "Answers in the cache.", answers.entries);
    add_metric(out, "answers_bytes", "gauge", "Bytes of answers in the cache.", answers.bytes);
    add_metric(out, "streams", "gauge", "Pages that are told of changes.",
               changes_count(api->changes));
    add_logins(api, out);
    add_intakes(api, out);
    add_tails(api, out);
    add_sources(api, out);
    add_disk(api, out);
    add_requests(api, out);
    add_durations(api, out);
    http_set_header(x, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    http_reply(x, MHD_HTTP_OK);
}
