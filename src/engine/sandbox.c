#include "engine/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's headers (linux/landlock.h, Landlock ABI 3 and 5). */
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define READ_EXECUTE (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define READ_WRITE (READ | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* Rights that a rule on a single file may have. */
#define OF_FILES                                                                                   \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)

/* Beside the engine's own directory and libchdb's. Without the small files of /etc and /dev the
 * first exception inside libchdb ends the process. Not all of /proc: /proc/PPID/environ is the
 * parent's. Not all of /etc or /dev: file('/etc/passwd'), /dev/shm. */
static const struct {
    const char *path;
    uint64_t access;
} readable[] = {
    {"/usr/lib", READ_EXECUTE},   {"/lib", READ_EXECUTE},        {"/lib64", READ_EXECUTE},
    {"/usr/lib64", READ_EXECUTE}, {"/usr/share/zoneinfo", READ}, {"/etc/localtime", READ},
    {"/etc/ld.so.cache", READ},   {"/proc/self", READ},          {"/proc/cpuinfo", READ},
    {"/proc/meminfo", READ},      {"/proc/stat", READ},          {"/proc/sys/kernel", READ},
    {"/proc/sys/vm", READ},       {"/sys/devices/system", READ}, {"/sys/fs/cgroup", READ},
    {"/sys/kernel/mm", READ},     {"/dev/null", READ_WRITE},     {"/dev/zero", READ},
    {"/dev/random", READ},        {"/dev/urandom", READ},
};

/* All file rights that Landlock of this version knows. */
static uint64_t all_rights(int abi) {
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= ACCESS_TRUNCATE;
    if (abi >= 5)
        rights |= ACCESS_IOCTL_DEV;
    return rights;
}

/* A path that does not exist needs no rule. The descriptor stays open for good: a rule holds its
 * inode but not its dentry, and procfs makes another inode once the dentry was dropped. */
static int allow(int ruleset, const char *path, uint64_t access, struct err *err) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES ? 0 : err_errno(err, ERR_IO, "%s", path);
    struct stat st;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        access &= OF_FILES;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return err_errno(err, ERR_IO, "Landlock rule for %s", path);
    return 0;
}

int sandbox_files(const char *directory, const char *library, bool *ret_on, struct err *err) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *ret_on = false;
    if (abi < 1)
        return 0; /* built without it, or switched off at boot */
    uint64_t all = all_rights((int)abi);
    struct landlock_ruleset_attr attr = {.handled_access_fs = all};
    int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    if (ruleset < 0)
        return err_errno(err, ERR_IO, "Landlock");
    char *folder = xstrdup(library);
    int rc = allow(ruleset, directory, all, err);
    if (rc == 0)
        rc = allow(ruleset, dirname(folder), READ_EXECUTE, err);
    if (rc == 0)
        rc = allow(ruleset, "/proc/self/exe", READ_EXECUTE, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(readable); i++)
        rc = allow(ruleset, readable[i].path, readable[i].access, err);
    if (rc == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
                    syscall(SYS_landlock_restrict_self, ruleset, 0) != 0))
        rc = err_errno(err, ERR_IO, "Landlock");
    close(ruleset);
    free(folder);
    *ret_on = rc == 0;
    return rc;
}

/* Refused with EPERM. io_uring because it could make sockets behind the filter's back. */
static const int refused_calls[] = {
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(setns),
    SCMP_SYS(personality),
    SCMP_SYS(vhangup),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
};

static int add_rules(scmp_filter_ctx filter) {
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(refused_calls); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused_calls[i], 0);
    /* threads yes, processes no; glibc falls back from clone3, whose flags no filter can see */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* signals to itself only */
    scmp_datum_t self = (scmp_datum_t)getpid();
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(kill), 1,
                              SCMP_A0(SCMP_CMP_NE, self));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
                              SCMP_A0(SCMP_CMP_NE, self));
    return rc;
}

int sandbox_calls(struct err *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return err_set(err, ERR_IO, "seccomp: no filter");
    int rc = add_rules(filter);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0) {
        errno = -rc;
        return err_errno(err, ERR_IO, "seccomp");
    }
    return 0;
}
