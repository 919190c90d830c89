/* Runs the built program (its path is in CASKALYTICS) as a user would: exit codes, messages, files.
 */
#include "base/fs.h"
#include "base/limits.h"
#include "support/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct outcome {
    int code; /* -1: ended by a signal */
    struct buf out, err;
};

static void done(struct outcome *o) {
    buf_release(&o->out);
    buf_release(&o->err);
}

static void read_back(const char *path, struct buf *ret) {
    struct err err = {0};
    assert_ok(fs_read_file(path, LIMIT_CONFIG_BYTES, ret, &err), err);
}

#define NO_READER "|" /* a pipe whose other end is closed */

static int open_output(const char *to) {
    if (strcmp(to, NO_READER) != 0)
        return open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    close(ends[0]);
    return ends[1];
}

/* In the child: standard output to `stdout_to`; NULL closes it. */
static void redirect(const char *stdout_to) {
    int err_fd = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int out_fd = stdout_to ? open_output(stdout_to) : -1;
    if (err_fd < 0 || dup2(err_fd, STDERR_FILENO) < 0)
        _exit(99);
    if (stdout_to == NULL)
        close(STDOUT_FILENO);
    else if (out_fd < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
        _exit(99);
}

static struct outcome run_words(const char *stdout_to, char *const *words) {
    char *argv[16] = {"caskalytics"};
    for (size_t i = 0; words[i] != NULL; i++)
        argv[i + 1] = words[i];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        redirect(stdout_to);
        execv(getenv("CASKALYTICS"), argv);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    struct outcome o = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1};
    read_back("err", &o.err);
    struct stat st;
    if (stdout_to != NULL && stat(stdout_to, &st) == 0 && S_ISREG(st.st_mode))
        read_back(stdout_to, &o.out);
    return o;
}

#define run_to(stdout_to, ...) run_words(stdout_to, (char *const[]){__VA_ARGS__, NULL})
#define run(...) run_to("out", __VA_ARGS__)

/* Exit code, and what must be part of the two outputs (NULL: must be empty). */
static void expect(struct outcome o, int code, const char *out, const char *err) {
    bool out_ok = out ? strstr(buf_cstr(&o.out), out) != NULL : o.out.len == 0;
    bool err_ok = err ? strstr(buf_cstr(&o.err), err) != NULL : o.err.len == 0;
    if (o.code != code || !out_ok || !err_ok)
        fail_msg("exit code %d, expected %d\n--- stdout:\n%s\n--- stderr:\n%s", o.code, code,
                 buf_cstr(&o.out), buf_cstr(&o.err));
    done(&o);
}

static void write_file(const char *path, const char *text) {
    struct err err = {0};
    assert_ok(fs_replace_file(path, str_from(text), 0600, &err), err);
}

static int setup(void **state) {
    UNUSED(state);
    char folder[] = "/tmp/program_test.XXXXXX";
    return getenv("CASKALYTICS") == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int teardown(void **state) {
    UNUSED(state);
    static const char *const files[] = {"out", "err", "caskalytics.yaml", "other.yaml", "bad.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        (void)unlink(files[i]);
    char folder[64];
    if (getcwd(folder, sizeof folder) == NULL)
        return 1;
    return chdir("/") != 0 || rmdir(folder) != 0; /* fails when a command has left something */
}

static void program__explains_itself(void **state) {
    UNUSED(state);
    expect(run(NULL), 0, "Usage: caskalytics [-c FILE] [--data DIR] COMMAND", NULL);
    expect(run("help"), 0, "Commands:\n  import", NULL);
    expect(run("--help"), 0, "Commands:\n  import", NULL);
    expect(run("-h"), 0, "Commands:\n  import", NULL);
    expect(run("help", "stats"), 0, "--compare week|month", NULL);
    expect(run("stats", "--help"), 0, "--compare week|month", NULL);
    expect(run("--help", "stats"), 0, "--compare week|month", NULL);
    expect(run("version"), 0, "caskalytics ", NULL);
    expect(run("--version"), 0, "caskalytics ", NULL);
    expect(run("stats", "--version"), 0, "caskalytics ", NULL);
}

static void program__names_wrong_usage(void **state) {
    UNUSED(state);
    expect(run("sttas"), 2, NULL,
           "caskalytics: unknown command \"sttas\": did you mean \"stats\"?\n");
    expect(run("help", "sttas"), 2, NULL, "unknown \"sttas\": did you mean \"stats\"?");
    expect(run("stats", "--grp", "x"), 2, NULL,
           "unknown option --grp of stats: did you mean --group?");
    expect(run("stats", "--grp", "x"), 2, NULL, "Try \"caskalytics help stats\".\n");
    expect(run("--frob"), 2, NULL, "unknown option --frob");
    expect(run("-c"), 2, NULL, "--config needs a value: FILE");
    expect(run("import"), 2, NULL, "import: missing: FILE...");
    expect(run("config", "frob"), 2, NULL, "config: unknown \"frob\" (check, show, try-product)");
}

static void config__is_checked(void **state) {
    UNUSED(state);
    (void)unlink("caskalytics.yaml");
    expect(run("config", "check"), 0, "all defaults: ok\n", NULL);
    write_file("caskalytics.yaml", "data: d\n");
    expect(run("config", "check"), 0, "caskalytics.yaml: ok\n", NULL);
    write_file("bad.yaml", "dat: d\nseal: 7\n");
    expect(run("-c", "bad.yaml", "config", "check"), 2, NULL,
           "bad.yaml:1: unknown key \"dat\": did you mean \"data\"?\n"
           "bad.yaml:2: seal: \"7\": neither true nor false\n"
           "caskalytics: bad.yaml: 2 problems\n");
    expect(run("config", "show", "-c", "bad.yaml"), 2, NULL, "bad.yaml:1: ");
    expect(run("config", "check", "-c", "nowhere.yaml"), 2, NULL, "nowhere.yaml: No such file");
    expect(run("config", "check", "-c", "/"), 2, NULL, "/: Is a directory");
    (void)unlink("caskalytics.yaml");
}

static void config__show_can_be_read_back(void **state) {
    UNUSED(state);
    write_file("other.yaml", "data: /srv/x\nsites: [{name: 'a: b'}]\n");
    struct outcome first = run("-c", "other.yaml", "config", "show");
    assert_int_equal(first.code, 0);
    assert_non_null(strstr(buf_cstr(&first.out), "data: /srv/x\n"));
    write_file("other.yaml", buf_cstr(&first.out));
    struct outcome second = run("-c", "other.yaml", "config", "show");
    assert_string_equal(buf_cstr(&first.out), buf_cstr(&second.out));
    done(&first);
    done(&second);
}

static void init__writes_a_valid_file_and_no_second(void **state) {
    UNUSED(state);
    (void)unlink("caskalytics.yaml");
    expect(run("init"), 0, "caskalytics.yaml: written\n", NULL);
    expect(run("config", "check"), 0, "caskalytics.yaml: ok\n", NULL);
    expect(run("init"), 1, NULL, "caskalytics: caskalytics.yaml: exists already");
    (void)unlink("other.yaml");
    expect(run("init", "other.yaml"), 0, "other.yaml: written\n", NULL);
    write_file("other.yaml", "data: mine\n");
    expect(run("init", "other.yaml"), 1, NULL, "other.yaml: exists already");
    struct buf kept = {0};
    read_back("other.yaml", &kept);
    assert_string_equal(buf_cstr(&kept), "data: mine\n");
    buf_release(&kept);
    expect(run("init", "no/such/folder.yaml"), 1, NULL, "no/such/folder.yaml: No such file");
    (void)unlink("caskalytics.yaml");
}

static void output__that_cannot_be_written_is_a_failure(void **state) {
    UNUSED(state);
    if (access("/dev/full", W_OK) == 0)
        expect(run_to("/dev/full", "help"), 1, NULL, "standard output: write: No space left");
    expect(run_to(NULL, "help"), 1, NULL, "standard output: write: Bad file descriptor");
    expect(run_to(NO_READER, "help"), 1, NULL, NULL); /* silently: the reader has seen enough */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(program__explains_itself),
        unit_test(program__names_wrong_usage),
        unit_test(config__is_checked),
        unit_test(config__show_can_be_read_back),
        unit_test(init__writes_a_valid_file_and_no_second),
        unit_test(output__that_cannot_be_written_is_a_failure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
