#include "tui/keys.h"

#include <criterion/criterion.h>
#include <string.h>

Test(keys, no_key_has_two_meanings)
{
    for (size_t i = 0; i < key_binding_count; i++)
        for (size_t k = 0; k < 3 && key_bindings[i].keys[k]; k++)
            cr_assert_eq(key_find(key_bindings[i].keys[k]), &key_bindings[i], "key %d of \"%s\"",
                         key_bindings[i].keys[k], key_bindings[i].help);
}

Test(keys, no_key_is_none)
{
    cr_assert_null(key_find(0));
    cr_assert_null(key_find('Y'));
    cr_assert_null(key_find(KEY_F(12)));
}

/* Yes is R, U, M, Q, C or Y: where such a letter had a meaning of its own beside a question, a
 * question that has just closed would let it through. */
Test(keys, letters_that_say_yes_do_nothing_by_themselves)
{
    for (const char *yes = "RUMQCY"; *yes; yes++)
        cr_assert_null(key_find(*yes), "%c", *yes);
}

Test(keys, what_changes_something_is_marked)
{
    static const char changes[] = "\raFuAxrScT", looks[] = "kjgGhlz/sJK ?q123456789";
    for (const char *key = changes; *key; key++)
        cr_assert(key_find(*key) && key_find(*key)->changes, "%c", *key);
    for (const char *key = looks; *key; key++)
        cr_assert(key_find(*key) && !key_find(*key)->changes, "%c", *key);
}

Test(keys, each_has_words_that_fit_the_help)
{
    for (size_t i = 0; i < key_binding_count; i++) {
        cr_assert_not_null(key_bindings[i].handler);
        cr_assert_leq(strlen(key_bindings[i].shown), 7);
        cr_assert(strlen(key_bindings[i].help) > 0 && strlen(key_bindings[i].help) < 65);
    }
}
