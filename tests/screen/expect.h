/* Criterion's side of term.h: a failed expectation prints the whole screen and ends the test. */
#ifndef TESTS_SCREEN_EXPECT_H
#define TESTS_SCREEN_EXPECT_H

#include "tests/screen/term.h"

#include <criterion/criterion.h>

/* Long enough for a loaded two-core machine under sanitizers; passing tests never wait for it. */
#define TERM_PATIENCE 10000

#define term_check(t, condition, ...)                                                              \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            term_dump((t), stderr);                                                                \
            cr_assert_fail(__VA_ARGS__);                                                           \
        }                                                                                          \
    } while (0)

/* The text appears, or disappears, within TERM_PATIENCE. */
#define term_expect(t, text)                                                                       \
    term_check((t), term_wait_text((t), (text), TERM_PATIENCE), "never seen: \"%s\"", (text))
#define term_expect_gone(t, text)                                                                  \
    term_check((t), term_wait_no_text((t), (text), TERM_PATIENCE), "still there: \"%s\"", (text))

/* The program ends by itself with this exit code within TERM_PATIENCE. */
#define term_expect_exit(t, code)                                                                  \
    do {                                                                                           \
        int status_ = 0;                                                                           \
        term_check((t), term_exited((t), TERM_PATIENCE, &status_), "still running");               \
        term_check((t), WIFEXITED(status_) && WEXITSTATUS(status_) == (code),                      \
                   "wait status %#x, not exit %d", (unsigned)status_, (code));                     \
    } while (0)

#endif
