#include "cmd/cmd.h"

const struct command commands[] = {
#define COMMAND(name, words, min, max, more, summary, details, examples)                           \
    {#name, words, min, max, summary, details, examples, more, cmd_run_##name},
#define CMD_OPTION(...)
#include "cmd/commands.def"
#undef COMMAND
#undef CMD_OPTION
};
const size_t commands_count = ARRAY_LEN(commands);

const struct cmd_option cmd_options[] = {
#define COMMAND(...)
#define CMD_OPTION(command, name, letter, value, flags, doc)                                       \
    {command, name, value, doc, flags, letter},
#include "cmd/commands.def"
#undef COMMAND
#undef CMD_OPTION
};
const size_t cmd_options_count = ARRAY_LEN(cmd_options);

const struct command *command_find(const char *name) {
    for (size_t i = 0; i < commands_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
