/* The table of formats, and the questions that are asked of all of them. */
#include "base/limits.h"
#include "base/nearest.h"
#include "format/json_maps.h"
#include "format/layout.h"
#include "format/reader.h"
#include <stdlib.h>

#define EXAMPLE_COMMON                                                                             \
    "192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET /index.html HTTP/1.1\" 200 5316"
#define EXAMPLE_COMBINED EXAMPLE_COMMON " \"https://example.net/\" \"Mozilla/5.0\""

#define EXAMPLE_W3C                                                                                \
    "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-bytes "               \
    "cs(User-Agent) cs(Referer)\n"                                                                 \
    "2015-05-17 10:05:03 192.0.2.7 GET /index.html - 200 5316 \"Mozilla/5.0 (X11)\" "              \
    "https://example.net/"
#define EXAMPLE_IIS                                                                                \
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "          \
    "cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"               \
    "2015-05-17 10:05:03 192.0.2.1 GET /index.html - 443 - 192.0.2.7 Mozilla/5.0+(X11) "           \
    "https://example.net/ 200 0 0 15"
#define EXAMPLE_CLOUDFRONT                                                                         \
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "   \
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id "     \
    "x-host-header cs-protocol cs-bytes time-taken\n"                                              \
    "2015-05-17\t10:05:03\tSFO5\t5316\t192.0.2.7\tGET\td1example.cloudfront.net\t/index.html\t"    \
    "200\thttps://example.net/\tMozilla/5.0%20(X11)\t-\t-\tHit\tEXAMPLEID\twww.example.org\t"      \
    "https\t254\t0.001"

#define EXAMPLE_NGINX_JSON                                                                         \
    "{\"time_iso8601\":\"2015-05-17T10:05:03+00:00\",\"remote_addr\":\"192.0.2.7\","               \
    "\"request_method\":\"GET\",\"request_uri\":\"/index.html\",\"status\":200,"                   \
    "\"body_bytes_sent\":5316,\"http_referer\":\"https://example.net/\","                          \
    "\"http_user_agent\":\"Mozilla/5.0\"}"
#define EXAMPLE_CADDY                                                                              \
    "{\"level\":\"info\",\"ts\":1431857103.25,\"logger\":\"http.log.access.log0\","                \
    "\"msg\":\"handled request\",\"request\":{\"remote_ip\":\"192.0.2.7\","                        \
    "\"remote_port\":\"50412\",\"client_ip\":\"192.0.2.7\",\"proto\":\"HTTP/2.0\","                \
    "\"method\":\"GET\",\"host\":\"www.example.org\",\"uri\":\"/index.html\","                     \
    "\"headers\":{\"User-Agent\":[\"Mozilla/5.0\"],\"Referer\":[\"https://example.net/\"]}},"      \
    "\"user_id\":\"\",\"duration\":0.0012,\"size\":5316,\"status\":200}"
#define EXAMPLE_TRAEFIK                                                                            \
    "{\"ClientAddr\":\"192.0.2.7:50412\",\"ClientHost\":\"192.0.2.7\",\"ClientUsername\":\"-\","   \
    "\"DownstreamContentSize\":5316,\"DownstreamStatus\":200,\"RequestHost\":\"www.example.org\"," \
    "\"RequestMethod\":\"GET\",\"RequestPath\":\"/index.html\",\"RequestProtocol\":\"HTTP/2.0\","  \
    "\"StartUTC\":\"2015-05-17T10:05:03.250Z\",\"request_User-Agent\":\"Mozilla/5.0\","            \
    "\"request_Referer\":\"https://example.net/\"}"
#define EXAMPLE_CLOUDFRONT_JSON                                                                    \
    "{\"date\":\"2015-05-17\",\"time\":\"10:05:03\",\"c-ip\":\"192.0.2.7\",\"cs-method\":\"GET\"," \
    "\"cs(Host)\":\"d1example.cloudfront.net\",\"x-host-header\":\"www.example.org\","             \
    "\"cs-uri-stem\":\"/index.html\",\"cs-uri-query\":\"-\",\"sc-status\":\"200\","                \
    "\"sc-bytes\":\"5316\",\"cs(Referer)\":\"https://example.net/\","                              \
    "\"cs(User-Agent)\":\"Mozilla/5.0%20(X11)\"}"
#define EXAMPLE_GCP                                                                                \
    "{\"timestamp\":\"2015-05-17T10:05:03.250Z\",\"httpRequest\":{\"requestMethod\":\"GET\","      \
    "\"requestUrl\":\"https://www.example.org/index.html\",\"status\":200,"                        \
    "\"responseSize\":\"5316\",\"userAgent\":\"Mozilla/5.0\",\"remoteIp\":\"192.0.2.7\","          \
    "\"referer\":\"https://example.net/\"}}"
#define EXAMPLE_ECS                                                                                \
    "{\"@timestamp\":\"2015-05-17T10:05:03.250Z\",\"source\":{\"ip\":\"192.0.2.7\"},"              \
    "\"http\":{\"request\":{\"method\":\"GET\",\"referrer\":\"https://example.net/\"},"            \
    "\"response\":{\"status_code\":200,\"body\":{\"bytes\":5316}}},"                               \
    "\"url\":{\"domain\":\"www.example.org\",\"original\":\"/index.html\"},"                       \
    "\"user_agent\":{\"original\":\"Mozilla/5.0\"}}"

#define EXAMPLE_S3                                                                                 \
    "79a59df900b949e55d96a1e698fbaced www.example.org [17/May/2015:10:05:03 +0000] 192.0.2.7 - "   \
    "3E57427F3EXAMPLE WEBSITE.GET.OBJECT index.html \"GET /index.html HTTP/1.1\" 200 - 5316 5316 " \
    "15 14 \"https://example.net/\" \"Mozilla/5.0\" - "                                            \
    "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkF= - - - "                                         \
    "www.example.org.s3-website-us-east-1.amazonaws.com - - -"
#define EXAMPLE_ELB                                                                                \
    "2015-05-17T10:05:03.250000Z my-loadbalancer 192.0.2.7:2817 10.0.0.1:80 0.000073 0.001048 "    \
    "0.000057 200 200 0 5316 \"GET https://www.example.org:443/index.html HTTP/1.1\" "             \
    "\"Mozilla/5.0\" DHE-RSA-AES128-SHA TLSv1.2"
#define EXAMPLE_ALB                                                                                \
    "https 2015-05-17T10:05:03.250000Z app/my-loadbalancer/50dc6c495c0c9188 192.0.2.7:2817 "       \
    "10.0.0.1:80 0.086 0.048 0.037 200 200 0 5316 "                                                \
    "\"GET https://www.example.org:443/index.html HTTP/1.1\" \"Mozilla/5.0\" "                     \
    "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:targetgroup/t/73e2 "         \
    "\"Root=1-58337281-1d84f3d73c47ec4e58577259\" \"www.example.org\" \"-\" 1 "                    \
    "2015-05-17T10:05:03.164000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\""
#define EXAMPLE_SQUID                                                                              \
    "1431857103.250    180 192.0.2.7 TCP_MISS/200 5316 GET http://www.example.org/index.html - "   \
    "HIER_DIRECT/192.0.2.80 text/html"
#define EXAMPLE_CLOUDSTORAGE                                                                       \
    "\"time_micros\",\"c_ip\",\"c_ip_type\",\"c_ip_region\",\"cs_method\",\"cs_uri\","             \
    "\"sc_status\",\"cs_bytes\",\"sc_bytes\",\"time_taken_micros\",\"cs_host\",\"cs_referer\","    \
    "\"cs_user_agent\",\"s_request_id\",\"cs_operation\",\"cs_bucket\",\"cs_object\"\n"            \
    "\"1431857103250000\",\"192.0.2.7\",\"1\",\"\",\"GET\",\"/www.example.org/index.html\","       \
    "\"200\",\"0\",\"5316\",\"12000\",\"storage.googleapis.com\",\"https://example.net/\","        \
    "\"Mozilla/5.0\",\"EXAMPLEID\",\"GET_Object\",\"www.example.org\",\"index.html\""
#define EXAMPLE_HAPROXY                                                                            \
    "May 17 10:05:03 localhost haproxy[14389]: 192.0.2.7:33317 [17/May/2015:10:05:03.250] "        \
    "http-in static/srv1 10/0/30/69/109 200 5316 - - ---- 1/1/1/1/0 0/0 {www.example.org} {} "     \
    "\"GET /index.html HTTP/1.1\""

/* GoAccess strings with what header lines begin with, and nginx strings (layout_*.c). */
#define LAYOUT_VCOMMON "%v:%p %h %l %u %t \"%r\" %>s %b"
#define LAYOUT_TRAEFIK                                                                             \
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "             \
    "\"$http_referer\" \"$http_user_agent\" $count \"$router\" \"$server\" ${duration}ms"
#define LAYOUT_SQUID                                                                               \
    "$msec $elapsed $remote_addr $result/$status $bytes_sent $request_method $request_uri "        \
    "$remote_user $hierarchy $type"
#define LAYOUT_CLOUDSTORAGE                                                                        \
    "\"%x\",\"%h\",%^,%^,\"%m\",\"%U\",\"%s\",%^,\"%b\",%^,%^,\"%R\",\"%u\",%^,%^,\"%v\",%^"       \
    "\n%f\n%f\n\"time_micros\","
#define EXAMPLE_BEACON                                                                             \
    "{\"n\":\"pageview\",\"u\":\"https://www.example.org/docs/"                                    \
    "?utm_source=news\",\"ts\":1431857103000,"                                                     \
    "\"ip\":\"192.0.2.7\",\"ua\":\"Mozilla/5.0\",\"r\":\"https://example.net/\"}"

/* A row is what format.h shows of it, how it is read and the string for that reader. */
static const struct named_format {
    struct format_row row;
    const struct format_reader *reader;
    const char *layout;
} formats[] = {
    /* From the least to the most specific: format_detect() relies on it. */
    {{"common", "Apache common: %h %l %u %t \"%r\" %>s %b", EXAMPLE_COMMON},
     &apache_reader,
     "common"},
    {{"vcommon", "Apache common behind the server name: %v:%p common",
      "www.example.org:443 " EXAMPLE_COMMON},
     &layout_reader,
     LAYOUT_VCOMMON},
    {{"combined", "Apache, nginx: common \"%{Referer}i\" \"%{User-agent}i\"", EXAMPLE_COMBINED},
     &apache_reader,
     "combined"},
    {{"vhost", "Apache combined behind the server name: %v:%p combined",
      "www.example.org:443 " EXAMPLE_COMBINED},
     &apache_reader,
     "vhost"},
    {{"traefik-clf", "Traefik access log in CLF",
      EXAMPLE_COMBINED " 5 \"web@docker\" "
                       "\"http://10.0.0.1:80\" 12ms"},
     &layout_reader,
     LAYOUT_TRAEFIK},
    {{"squid", "Squid native access log", EXAMPLE_SQUID}, &layout_reader, LAYOUT_SQUID},
    {{"haproxy", "HAProxy HTTP log (option httplog), by syslog or bare", EXAMPLE_HAPROXY},
     &haproxy_reader,
     "haproxy"},
    {{"cloudstorage", "Google Cloud Storage usage log (CSV)", EXAMPLE_CLOUDSTORAGE},
     &layout_reader,
     LAYOUT_CLOUDSTORAGE},
    {{"s3", "Amazon S3 server access log, of any age", EXAMPLE_S3}, &aws_reader, "s3"},
    {{"elb", "Amazon Classic Load Balancer access log", EXAMPLE_ELB}, &aws_reader, "elb"},
    {{"alb", "Amazon Application Load Balancer access log, of any age", EXAMPLE_ALB},
     &aws_reader,
     "alb"},
    {{"w3c", "W3C extended log file: columns as #Fields lines name them", EXAMPLE_W3C},
     &columns_reader,
     "w3c"},
    {{"iis", "Internet Information Services: W3C, pluses for blanks", EXAMPLE_IIS},
     &columns_reader,
     "iis"},
    {{"cloudfront", "Amazon CloudFront standard log (tabs), of any age", EXAMPLE_CLOUDFRONT},
     &columns_reader,
     "cloudfront"},
    {{"nginx-json", "nginx, or any other, with a key for each variable", EXAMPLE_NGINX_JSON},
     &json_reader,
     json_map_nginx},
    {{"caddy", "Caddy 2 access log", EXAMPLE_CADDY}, &json_reader, json_map_caddy},
    {{"traefik", "Traefik access log in JSON", EXAMPLE_TRAEFIK}, &json_reader, json_map_traefik},
    {{"cloudfront-json", "Amazon CloudFront standard log v2 in JSON", EXAMPLE_CLOUDFRONT_JSON},
     &json_reader,
     json_map_cloudfront},
    {{"gcp", "Google Cloud load balancer and Cloud Run (httpRequest)", EXAMPLE_GCP},
     &json_reader,
     json_map_gcp},
    {{"ecs", "Elastic Common Schema, nested or flat keys", EXAMPLE_ECS},
     &json_reader,
     json_map_ecs},
    {{"beacon", "what this server keeps of a beacon", EXAMPLE_BEACON},
     &json_reader,
     json_map_beacon},
};
#define FALLBACK 2 /* FORMAT_FALLBACK */

/* Names that GoAccess has for the same. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"COMMON", "common"},
    {"COMBINED", "combined"},
    {"VCOMBINED", "vhost"},
    {"VCOMMON", "vcommon"},
    {"TRAEFIKCLF", "traefik-clf"},
    {"SQUID", "squid"},
    {"CLOUDSTORAGE", "cloudstorage"},
    {"AWSS3", "s3"},
    {"AWSALB", "alb"},
    {"AWSELB", "alb"}, /* its string has the type in front, which classic ones do not have */
    {"CADDY", "caddy"},
    {"W3C", "w3c"},
    {"CLOUDFRONT", "cloudfront"},
};

struct format {
    const struct format_reader *reader;
    void *state;
    char *spec;
};

static const struct named_format *find_named(struct str name) {
    struct str pasted = layout_goaccess_name(name); /* log-format COMBINED */
    name = pasted.len > 0 ? pasted : name;
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (str_is(name, aliases[i].alias))
            name = str_from(aliases[i].name);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_is(name, formats[i].row.name))
            return &formats[i];
    return NULL;
}

static bool contains(struct str s, const char *what) {
    return memmem(s.ptr, s.len, what, strlen(what)) != NULL;
}

/* Is the object a string of a server that logs JSON, {"status":"$status"}, and not a mapping? Its
 * values are directives; of a path the first byte is neither % nor $. */
static bool has_directives(struct str spec) {
    for (size_t i = 1; i + 1 < spec.len; i++)
        if ((spec.ptr[i] == '$' || spec.ptr[i] == '%') && spec.ptr[i + 1] != '"' &&
            memchr("\": [", spec.ptr[i - 1], 4) != NULL)
            return true;
    return false;
}

/* Of a string that is no name: by what it contains (format.h). The order matters: a regular
 * expression may have `$` and `%`. */
static const struct format_reader *reader_of_string(struct str spec) {
    if (str_starts(spec, STR("{")) && contains(spec, "\"") && !has_directives(spec))
        return &json_reader;
    if (contains(spec, "(?<") || contains(spec, "(?P<"))
        return &pattern_reader;
    if (contains(spec, "%") || contains(spec, "$"))
        return &layout_reader;
    return NULL;
}

/* Logs that are asked for, but have no requests in them. */
static const struct {
    const char *name, *what;
} refused[] = {
    {"nlb", "logs of a Network Load Balancer are about TLS connections, not about HTTP requests: "
            "read the logs of the servers behind it"},
    {"alb-connection", "connection logs of an Application Load Balancer are about TLS connections, "
                       "not about HTTP requests: read its access logs, format alb"},
};

static int unknown_name(struct str spec, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (str_is(spec, refused[i].name))
            return err_set(err, ERR_USAGE, "%s: %s", refused[i].name, refused[i].what);
    struct buf names = {0};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        buf_printf(&names, "%s%s", i ? ", " : "", formats[i].row.name);
    struct str shown = str_of(spec.ptr, min_size(spec.len, 200));
    int rc = err_set(err, ERR_USAGE, "unknown log format \"" STR_FMT "\": use one of %s",
                     STR_ARG(shown), buf_cstr(&names));
    buf_release(&names);
    return rc;
}

int format_open(struct str spec, struct format **ret, struct err *err) {
    const struct named_format *named = find_named(spec);
    const struct format_reader *reader = named ? named->reader : reader_of_string(spec);
    if (reader == NULL)
        return unknown_name(spec, err);
    if (spec.len > LIMIT_FORMAT_BYTES)
        return err_set(err, ERR_USAGE, "the format is longer than %d bytes", LIMIT_FORMAT_BYTES);
    struct format *f = xcalloc(1, sizeof *f);
    f->reader = reader;
    f->spec = named ? xstrdup(named->row.name) : str_dup(spec);
    int rc = reader->open(named ? str_from(named->layout) : spec, &f->state, err);
    if (rc != 0) {
        free(f->spec);
        free(f);
        return rc;
    }
    *ret = f;
    return 0;
}

bool format_takes_times(struct str spec) {
    return find_named(spec) == NULL && reader_of_string(spec) == &layout_reader &&
           layout_is_goaccess(spec) && !layout_is_nginx(spec);
}

void format_free(struct format *f) {
    if (f == NULL)
        return;
    if (f->reader->free != NULL)
        f->reader->free(f->state);
    free(f->spec);
    free(f);
}

/* --- reading --- */

static bool is_blank_line(struct str line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

/* Without what is no part of it: a carriage return, and before the first line a byte-order mark. */
static struct str bare(struct str line) {
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return str_starts(line, STR("\xef\xbb\xbf")) ? str_skip(line, 3) : line;
}

/* Header lines never need quotes: a pair around one is of an export. */
static struct str bare_header(struct str line) {
    line = bare(line);
    bool quoted = str_starts(line, STR("\"#")) && line.ptr[line.len - 1] == '"';
    return quoted ? str_of(line.ptr + 1, line.len - 2) : line;
}

/* Some exports put one more pair of quotes around each line, and some of those double the quotes
 * within. False: there is nothing doubled, or not everything. */
static bool undouble(struct str s, struct arena *scratch, struct str *ret) {
    if (memchr(s.ptr, '"', s.len) == NULL)
        return false;
    char *to = arena_bytes(scratch, s.len), *at = to;
    for (size_t i = 0; i < s.len; i++) {
        *at++ = s.ptr[i];
        if (s.ptr[i] == '"' && (++i == s.len || s.ptr[i] != '"'))
            return false;
    }
    *ret = str_of(to, (size_t)(at - to));
    return true;
}

/* Every other one of its first bytes is NUL, and no more: Latin letters of two bytes each. A line
 * that is not the first begins with the second byte of the line end before it. */
static bool is_utf16(struct str line) {
    size_t zeros[2] = {0};
    if (str_starts(line, STR("\xff\xfe")) || str_starts(line, STR("\xfe\xff")))
        line = str_skip(line, 2);
    line.len = min_size(line.len, 32);
    for (size_t i = 0; i < line.len; i++)
        zeros[i % 2] += line.ptr[i] == '\0';
    return (zeros[0] == 0 && zeros[1] > 0 && zeros[1] == line.len / 2) ||
           (zeros[1] == 0 && zeros[0] > 0 && zeros[0] == (line.len + 1) / 2);
}

/* What can be said about a line that no reader would accept, whatever the reader said. */
static enum reason better_reason(struct str line, enum reason reason) {
    return is_utf16(line) ? REASON_utf16 : line.ptr[0] == '#' ? REASON_comment : reason;
}

enum reason format_read(struct format *f, struct str line, struct arena *scratch,
                        struct fields *ret) {
    if (line.len > LIMIT_LINE_BYTES)
        return REASON_too_long;
    line = bare(line);
    if (is_blank_line(line))
        return REASON_empty;
    if (line.len > 2 && line.ptr[0] == '"' && line.ptr[line.len - 1] == '"') {
        struct str inner = str_of(line.ptr + 1, line.len - 2), plain;
        if (undouble(inner, scratch, &plain) &&
            f->reader->read(f->state, plain, scratch, ret) == REASON_NONE)
            return REASON_NONE;
        if (f->reader->read(f->state, inner, scratch, ret) == REASON_NONE)
            return REASON_NONE;
    }
    enum reason reason = f->reader->read(f->state, line, scratch, ret);
    return reason == REASON_NONE ? REASON_NONE : better_reason(line, reason);
}

bool format_is_header(const struct format *f, struct str line) {
    return f->reader->is_header != NULL && f->reader->is_header(f->state, bare_header(line));
}

void format_take_header(struct format *f, struct str lines) {
    struct str line;
    while (f->reader->take_header != NULL && str_split(&lines, '\n', &line))
        f->reader->take_header(f->state, bare_header(line));
}

void format_header(const struct format *f, struct buf *out) {
    if (f->reader->header != NULL)
        f->reader->header(f->state, out);
}

void format_restart(struct format *f) {
    if (f->reader->restart != NULL)
        f->reader->restart(f->state);
}

bool format_names_site(const struct format *f) {
    return f->reader->names_site != NULL && f->reader->names_site(f->state);
}

const char *format_spec(const struct format *f) { return f->spec; }

/* --- the table --- */

size_t format_count(void) { return ARRAY_LEN(formats); }

const struct format_row *format_at(size_t i) {
    return i < ARRAY_LEN(formats) ? &formats[i].row : NULL;
}

const char *format_alias(size_t i, size_t *at) {
    for (; *at < ARRAY_LEN(aliases); (*at)++)
        if (strcmp(aliases[*at].name, formats[i].row.name) == 0)
            return aliases[(*at)++].alias;
    return NULL;
}

const char *format_mapping(size_t i) {
    return formats[i].reader == &json_reader ? formats[i].layout : NULL;
}

void format_list(struct buf *out) {
    size_t width = 0;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        width = max_size(width, strlen(formats[i].row.name));
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        buf_printf(out, "  %-*s  %s\n", (int)width, formats[i].row.name, formats[i].row.doc);
    buf_add_cstr(out, "\nor a string: an Apache LogFormat (%), an nginx log_format ($), a GoAccess "
                      "log-format,\na regular expression with named groups, or a JSON mapping. "
                      "docs/formats.md has more,\nwith an example of each.\n");
}

/* --- which format is it --- */

struct ballot {
    struct format *format;
    size_t votes;
};

/* Do the header lines so far leave it open, or say, that the lines are of this format? */
static bool may_be(const struct format *f) {
    return f->reader->fits == NULL || f->reader->fits(f->state);
}

/* The most specific format that reads the line gets its vote; header lines are none, but tell what
 * follows. Asking which format reads the most lines would let one damaged combined line, which
 * still reads as a common one, cost a whole file its agents. */
static void vote(struct ballot *ballots, struct str line, struct arena *scratch) {
    for (size_t i = ARRAY_LEN(formats); i-- > 0;) {
        struct format *f = ballots[i].format;
        struct fields fields;
        if (format_is_header(f, line)) {
            format_take_header(f, line);
        } else if (may_be(f) && format_read(f, line, scratch, &fields) == REASON_NONE) {
            ballots[i].votes++;
            return;
        }
    }
}

/* Most votes; without any, what header lines alone say. */
static size_t winner(const struct ballot *ballots) {
    size_t best = FALLBACK, most = 0;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        const struct format *f = ballots[i].format;
        bool says = f->reader->fits != NULL && f->reader->fits(f->state);
        if ((ballots[i].votes > 0 && ballots[i].votes >= most) || (most == 0 && says)) {
            most = ballots[i].votes;
            best = i;
        }
    }
    return best;
}

struct str format_detect(const struct str *lines, size_t n) {
    struct ballot ballots[ARRAY_LEN(formats)] = {0};
    struct arena scratch = {0};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct err err = {0};
        int rc = format_open(str_from(formats[i].row.name), &ballots[i].format, &err);
        assert(rc == 0);
        UNUSED(rc);
    }
    for (size_t i = 0; i < n; i++) {
        vote(ballots, lines[i], &scratch);
        arena_reset(&scratch);
    }
    size_t best = winner(ballots);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        format_free(ballots[i].format);
    arena_release(&scratch);
    return str_from(formats[best].row.name);
}
