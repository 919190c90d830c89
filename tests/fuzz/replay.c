/* Replays files (or all files of folders) through a fuzz target, so that CI runs every corpus in a
 * plain gcc build under sanitizers. A folder that is missing or empty is an error: a corpus that
 * nobody reads would look like a passing test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* Number of inputs, or -1. */
static int replay_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return -1;
    }
    uint8_t *data = NULL;
    size_t size = 0, room = 0, n;
    do {
        if (size == room) {
            room = room ? room * 2 : 4096;
            uint8_t *more = realloc(data, room);
            if (more == NULL)
                abort();
            data = more;
        }
        n = fread(data + size, 1, room - size, f);
        size += n;
    } while (n > 0);
    fclose(f);
    /* A copy of its exact size, so that reading one byte too far is seen. */
    uint8_t *exact = malloc(size ? size : 1);
    if (exact == NULL)
        abort();
    if (size > 0)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return 1;
}

static int replay(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path);
    struct dirent **names;
    int n = scandir(path, &names, not_hidden, compare_names), total = 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        int inputs = total < 0 ? -1 : replay(file);
        total = inputs < 0 ? -1 : total + inputs;
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return total;
}

int main(int argc, char **argv) {
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int inputs = replay(argv[i]);
        if (inputs <= 0) {
            fprintf(stderr, "%s: no input replayed\n", argv[i]);
            return 1;
        }
        total += inputs;
    }
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
