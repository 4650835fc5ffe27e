#pragma once
#include <sqlite3.h>

// sqlite3_db_config(), which takes variable arguments, for the options that are switches. Returns SQLite's code.
static inline int csqlite_set(sqlite3 *database, int option, int is_on) {
    return sqlite3_db_config(database, option, is_on, (int *)0);
}
