#include "support/unit.h"

#include "base/fs.h"
#include "daemon/engine_process.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/cask-lock-XXXXXX";

static void data_lock__second_is_refused_and_told_who_holds_it(void **state) {
    UNUSED(state);
    struct err err;
    char data[64], pid[32];
    int fd, other = -1;
    snprintf(data, sizeof data, "%s/new/data", dir);
    assert_ok(data_lock(data, "import --site x", &fd, &err), err);
    assert_int_equal(data_lock(data, "serve", &other, &err), ERR_BUSY);
    assert_int_equal(other, -1);
    snprintf(pid, sizeof pid, "process %d (", (int)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_non_null(strstr(err.text, "import --site x)"));
    data_unlock(fd);
    assert_ok(data_lock(data, "serve", &fd, &err), err);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC); /* the engine must not hold it for us */
    data_unlock(fd);
}

static void data_lock__a_shorter_name_leaves_nothing_of_the_longer_one(void **state) {
    UNUSED(state);
    struct err err;
    struct buf text = {0};
    char path[64], expected[64];
    int fd;
    assert_ok(data_lock(dir, "a long command with words", &fd, &err), err);
    data_unlock(fd);
    assert_ok(data_lock(dir, "b", &fd, &err), err);
    snprintf(path, sizeof path, "%s/lock", dir);
    assert_ok(fs_read_file(path, 100, &text, &err), err);
    snprintf(expected, sizeof expected, "%d (b)\n", (int)getpid());
    assert_str(buf_str(&text), expected);
    data_unlock(fd);
    buf_release(&text);
}

static void data_lock__other_files_are_other_locks(void **state) {
    UNUSED(state);
    struct err err;
    int fd, other, third = -1;
    assert_ok(data_lock(dir, "serve", &fd, &err), err);
    assert_true(data_lock_is_of(dir, "serve"));
    assert_false(data_lock_is_of(dir, "import"));
    assert_ok(data_lock_file(dir, "import.lock", "import", &other, &err), err);
    assert_int_equal(data_lock_file(dir, "import.lock", "import", &third, &err), ERR_BUSY);
    assert_non_null(strstr(err.text, "(import)"));
    assert_true(data_lock_is_of(dir, "serve"));
    data_unlock(other);
    data_unlock(fd);
    assert_false(data_lock_is_of("/tmp/no such directory", "serve"));
}

static void data_lock__root_leaves_nothing_of_its_own_in_data_of_others(void **state) {
    UNUSED(state);
    struct err err;
    struct stat st;
    char data[64], path[96];
    int fd;
    if (geteuid() != 0)
        skip();
    snprintf(data, sizeof data, "%s/daemons", dir);
    assert_ok(data_lock(data, "serve", &fd, &err), err);
    snprintf(path, sizeof path, "%s/lock", data);
    assert_int_equal(chown(path, 1, 1), 0);
    assert_int_equal(data_lock(data, "import", &fd, &err), ERR_BUSY); /* may be waited for */
    data_unlock(fd);
    assert_int_equal(data_lock(data, "import", &fd, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "sudo -u 'daemon'"));
    assert_ok(data_lock_file(data, "import.lock", "import", &fd, &err), err);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_uid, 1);
    data_unlock(fd);
}

static int make_dir(void **state) {
    UNUSED(state);
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state) {
    UNUSED(state);
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(data_lock__second_is_refused_and_told_who_holds_it),
        unit_test(data_lock__a_shorter_name_leaves_nothing_of_the_longer_one),
        unit_test(data_lock__other_files_are_other_locks),
        unit_test(data_lock__root_leaves_nothing_of_its_own_in_data_of_others),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
