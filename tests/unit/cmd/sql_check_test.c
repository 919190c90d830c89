#include "cmd/sql_check.h"

#include "support/unit.h"

static int check(const char *tree, struct err *err) { return sql_check_tree(str_from(tree), err); }

static void assert_refused(const char *tree, const char *says) {
    struct err err = {0};
    assert_int_equal(check(tree, &err), ERR_USAGE);
    if (strstr(err.text, says) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, says);
}

#define HEAD                                                                                       \
    "SelectWithUnionQuery (children 1)\n ExpressionList (children 1)\n  SelectQuery (children "    \
    "2)\n"

static void select__from_our_tables_is_allowed(void **state) {
    UNUSED(state);
    struct err err = {0};
    assert_ok(check(HEAD
                    "   ExpressionList (children 2)\n    Identifier events.path\n"
                    "    Function sumIf (alias n) (children 1)\n     ExpressionList (children 1)\n"
                    "   TablesInSelectQuery (children 1)\n"
                    "    TablesInSelectQueryElement (children 1)\n"
                    "     TableExpression (children 1)\n"
                    "      TableIdentifier default.events (alias e)\n"
                    "      TableIdentifier cube_pages\n",
                    &err),
              err);
}

static void other_statements__are_refused(void **state) {
    UNUSED(state);
    assert_refused("", "no statement");
    assert_refused("InsertQuery   (children 2)\n Identifier x\n", "only SELECT");
    assert_refused("Explain EXPLAIN (children 1)\n", "only SELECT");
    assert_refused("Set\n", "only SELECT");
    assert_refused(HEAD "SelectWithUnionQuery (children 1)\n", "one statement");
}

static void what_stands_behind_select__is_refused(void **state) {
    UNUSED(state);
    assert_refused(HEAD " Identifier TSV\n", "--format");
    assert_refused(HEAD " Literal '/tmp/x'\n", "--format");
    assert_refused(HEAD " Set\n", "SETTINGS");
    assert_refused(HEAD "    Set\n", "SETTINGS");
}

static void nodes__not_on_the_list_are_refused(void **state) {
    UNUSED(state);
    assert_refused(HEAD "   QueryParameter x:Identifier\n", "QueryParameter");
    assert_refused(HEAD "   ColumnsApplyTransformer\n", "APPLY");
    assert_refused(HEAD "   SomethingNew\n", "SomethingNew");
}

static void tables__of_others_are_refused(void **state) {
    UNUSED(state);
    assert_refused(HEAD "   TableIdentifier system.tables\n", "system.tables");
    assert_refused(HEAD "   TableIdentifier default.a.b\n", "default.a.b");
    assert_refused(HEAD "   TableIdentifier DEFAULT.events\n", "DEFAULT.events");
    assert_refused(HEAD "   Identifier system.tables\n", "system.tables"); /* behind IN */
    assert_refused(HEAD "   Identifier INFORMATION_SCHEMA.tables\n", "INFORMATION_SCHEMA");
}

static void names__with_line_ends_hide_nothing(void **state) {
    UNUSED(state);
    /* an alias that makes up lines: the table behind it is still seen */
    assert_refused(HEAD "    Literal UInt64_1 (alias x)\n   TableIdentifier events)\n"
                        "      TableIdentifier system.tables\n",
                   "system.tables");
    assert_refused(HEAD "    Literal UInt64_1 (alias a\n b)\n", "refused");
}

static void functions__pure_ones_are_allowed(void **state) {
    UNUSED(state);
    static const char *const good[] = {"count",
                                       "COUNT",
                                       "sumIf",
                                       "uniqCombinedMerge",
                                       "uniqExactIfOrNull",
                                       "quantilesTDigest",
                                       "avgOrDefault",
                                       "groupArrayIf",
                                       "argMaxIf",
                                       "plus",
                                       "toStartOfHour",
                                       "CAST",
                                       "lambda",
                                       "exists",
                                       "in",
                                       "globalIn",
                                       "arrayElement",
                                       "tuple",
                                       "if",
                                       "multiIf",
                                       "row_number",
                                       "numbers",
                                       "like",
                                       "replaceRegexpAll",
                                       "topK"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!sql_function_allowed(str_from(good[i])))
            fail_msg("%s is refused", good[i]);
}

static void functions__that_reach_outside_are_refused(void **state) {
    UNUSED(state);
    static const char *const bad[] = {"file",
                                      "url",
                                      "s3",
                                      "s3Cluster",
                                      "remote",
                                      "remoteSecure",
                                      "mysql",
                                      "postgresql",
                                      "sqlite",
                                      "mongodb",
                                      "odbc",
                                      "jdbc",
                                      "hdfs",
                                      "executable",
                                      "dictionary",
                                      "dictGet",
                                      "dictGetOrDefault",
                                      "dictHas",
                                      "merge",
                                      "view",
                                      "cluster",
                                      "input",
                                      "loop",
                                      "Python",
                                      "python",
                                      "sleep",
                                      "sleepEachRow",
                                      "hostName",
                                      "FQDN",
                                      "getSetting",
                                      "getMacro",
                                      "getServerSetting",
                                      "getOSKernelVersion",
                                      "serverUUID",
                                      "catboostEvaluate",
                                      "joinGet",
                                      "hasColumnInTable",
                                      "filesystemAvailable",
                                      "showCertificate",
                                      "addressToLine",
                                      "aiGenerate",
                                      "AIGenerate",
                                      "naiveBayesClassifier",
                                      "evalMLMethod",
                                      "currentUser",
                                      "user",
                                      "fileIf",
                                      "FILE",
                                      "sumFile",
                                      "",

                                      "sleepIf",
                                      "logTrace",
                                      "getClientHTTPHeader",
                                      "formatRow",
                                      "groupFormat",
                                      "flameGraph",
                                      "zookeeperSessionUptime",
                                      "deltaLake",
                                      "iceberg",
                                      "azureBlobStorage",
                                      "gcs",
                                      "redis",
                                      "arrowFlight",
                                      "values",
                                      "null",
                                      "generateRandom"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (sql_function_allowed(str_from(bad[i])))
            fail_msg("%s is allowed", bad[i]);
}

UNIT_MAIN(unit_test(select__from_our_tables_is_allowed), unit_test(other_statements__are_refused),
          unit_test(what_stands_behind_select__is_refused),
          unit_test(nodes__not_on_the_list_are_refused), unit_test(tables__of_others_are_refused),
          unit_test(names__with_line_ends_hide_nothing),
          unit_test(functions__pure_ones_are_allowed),
          unit_test(functions__that_reach_outside_are_refused))
