#include "core/sqltext.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the lexer tells apart. Borders and names follow src/fe_utils/psqlscan.l of PostgreSQL. */
enum token_kind {
    TOKEN_END,
    TOKEN_SPACE, /* blanks or a comment */
    TOKEN_WORD,  /* keyword or unquoted identifier */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_SEMICOLON,
    TOKEN_COLON,      /* \: is a colon that begins no variable */
    TOKEN_PLAIN,      /* :name */
    TOKEN_LITERAL,    /* :'name' */
    TOKEN_IDENTIFIER, /* :"name" */
    TOKEN_DEFINED,    /* :{?name} */
    TOKEN_OTHER
};

struct token {
    enum token_kind kind;
    const char *text;
    size_t length;
    const char *name; /* of a variable */
    size_t name_length;
    int line;
};

struct lexer {
    const char *at;
    int line;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters of other alphabets count: every byte beyond ASCII. */
static bool starts_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_char(char c)
{
    return starts_word(c) || is_digit(c);
}

static const char *skip_name(const char *at)
{
    while (is_name_char(*at))
        at++;
    return at;
}

static const char *skip_line(const char *at)
{
    return at + strcspn(at, "\r\n");
}

static const char *skip_comment(const char *at)
{
    int depth = 0;
    while (*at) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            at += 2;
            if (--depth == 0)
                break;
        } else {
            at++;
        }
    }
    return at;
}

/* Behind a string's last quote: where it goes on in a later line, its next part's first quote. */
static const char *find_continuation(const char *at)
{
    bool newline = false;
    for (;; at++) {
        if (at[0] == '-' && at[1] == '-')
            at = skip_line(at);
        if (!is_space(*at))
            return newline && *at == '\'' ? at : NULL;
        newline = newline || *at == '\n' || *at == '\r';
    }
}

/* From a string's first quote to behind its last. A doubled quote needs no care: it ends one string
 * and begins the next, except where backslashes count. */
static const char *skip_string(const char *at, bool backslashes)
{
    for (at++; *at; at++) {
        if (*at == '\\' && backslashes && at[1]) {
            at++;
        } else if (*at == '\'') {
            const char *next = at[1] == '\'' ? at + 1 : find_continuation(at + 1);
            if (!next)
                return at + 1;
            at = next;
        }
    }
    return at;
}

static const char *skip_identifier(const char *at)
{
    const char *end = strchr(at + 1, '"');
    return end ? end + 1 : at + strlen(at);
}

/* A dollar sign that begins no quote is a token of its own. */
static const char *skip_dollar(const char *at)
{
    const char *tag_end = is_digit(at[1]) ? at + 1 : skip_name(at + 1);
    if (*tag_end != '$')
        return at + 1;
    size_t length = (size_t)(tag_end + 1 - at);
    const char *end = strchr(at + length, '$');
    while (end && strncmp(end, at, length) != 0)
        end = strchr(end + 1, '$');
    return end ? end + length : at + strlen(at);
}

static bool all_digits(const char *text, size_t length)
{
    while (length && is_digit(text[length - 1]))
        length--;
    return length == 0;
}

/* Sets kind and name if a variable stands at the colon `at`; returns what follows it, or NULL. */
static const char *read_variable(const char *at, struct token *token)
{
    static const struct {
        enum token_kind kind;
        const char *open, *close;
    } forms[] = {{TOKEN_LITERAL, ":'", "'"},
                 {TOKEN_IDENTIFIER, ":\"", "\""},
                 {TOKEN_DEFINED, ":{?", "}"},
                 {TOKEN_PLAIN, ":", ""}};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t open = strlen(forms[i].open), close = strlen(forms[i].close);
        if (strncmp(at, forms[i].open, open) != 0)
            continue;
        const char *name = at + open;
        const char *end = skip_name(name);
        if (end == name || strncmp(end, forms[i].close, close) != 0)
            continue;
        if (forms[i].kind == TOKEN_PLAIN && all_digits(name, (size_t)(end - name)))
            continue;
        token->kind = forms[i].kind;
        token->name = name;
        token->name_length = (size_t)(end - name);
        return end + close;
    }
    return NULL;
}

static const char *skip_colon(const char *at, struct token *token)
{
    if (at[1] == ':' || at[1] == '=')
        return at + 2;
    const char *end = read_variable(at, token);
    return end ? end : at + 1;
}

static const char *skip_word(const char *at)
{
    while (is_name_char(*at) || *at == '$')
        at++;
    return at;
}

/* Finds the end of the token at `at` and says what it is. */
static const char *skip_token(const char *at, struct token *token)
{
    token->kind = TOKEN_SPACE;
    if (is_space(*at))
        return at + strspn(at, " \t\n\v\f\r");
    if (at[0] == '-' && at[1] == '-')
        return skip_line(at);
    if (at[0] == '/' && at[1] == '*')
        return skip_comment(at);

    token->kind = TOKEN_OTHER;
    if ((*at == 'E' || *at == 'e') && at[1] == '\'')
        return skip_string(at + 1, true);
    if (starts_word(*at)) {
        token->kind = TOKEN_WORD;
        return skip_word(at);
    }
    switch (*at) {
    case '\'':
        return skip_string(at, false);
    case '"':
        return skip_identifier(at);
    case '$':
        return skip_dollar(at);
    case ':':
        return skip_colon(at, token);
    case '\\':
        token->kind = at[1] == ':' ? TOKEN_COLON : TOKEN_OTHER;
        return at + (at[1] == ':' ? 2 : 1);
    case '(':
        token->kind = TOKEN_OPEN;
        break;
    case ')':
        token->kind = TOKEN_CLOSE;
        break;
    case ';':
        token->kind = TOKEN_SEMICOLON;
        break;
    case '\0':
        token->kind = TOKEN_END;
        return at;
    default:
        break;
    }
    return at + 1;
}

static struct token next_token(struct lexer *lexer)
{
    struct token token = {.text = lexer->at, .line = lexer->line};
    const char *end = skip_token(lexer->at, &token);
    token.length = (size_t)(end - lexer->at);
    for (; lexer->at < end; lexer->at++)
        lexer->line += *lexer->at == '\n';
    return token;
}

static void add_value(struct str *out, const struct token *token, const char *value)
{
    if (token->kind == TOKEN_LITERAL)
        sql_quote_literal(out, value);
    else if (token->kind == TOKEN_IDENTIFIER)
        sql_quote_identifier(out, value);
    else
        str_add(out, value);
}

struct expansion {
    const char *file;
    sql_lookup *lookup;
    void *arg;
    struct str real;
    struct str shown;
    struct err *err;
};

static bool complain_undefined(const struct expansion *expansion, const struct token *token,
                               const char *name, bool glued)
{
    return err_set(expansion->err,
                   "%s:%d: undefined variable :%s; define it under variables in the "
                   "configuration, or capture it in an earlier step%s",
                   expansion->file, token->line, name,
                   glued && token->kind == TOKEN_PLAIN
                       ? "; if it is the end of an array slice, put a blank behind the colon"
                       : "");
}

static bool expand_variable(struct expansion *expansion, const struct token *token, bool glued)
{
    char *name = xstrndup(token->name, token->name_length);
    struct sql_value value = {0};
    bool defined = expansion->lookup(name, &value, expansion->arg) && value.text;
    bool ok = true;
    if (token->kind == TOKEN_DEFINED) {
        str_add(&expansion->real, defined ? "TRUE" : "FALSE");
        str_add(&expansion->shown, defined ? "TRUE" : "FALSE");
    } else if (defined) {
        add_value(&expansion->real, token, value.text);
        add_value(&expansion->shown, token, value.shown ? value.shown : value.text);
    } else {
        ok = complain_undefined(expansion, token, name, glued);
    }
    free(name);
    return ok;
}

static bool expand_token(struct expansion *expansion, const struct token *token, bool glued)
{
    if (token->name)
        return expand_variable(expansion, token, glued);
    size_t skip = token->kind == TOKEN_COLON ? 1 : 0;
    str_add_n(&expansion->real, token->text + skip, token->length - skip);
    str_add_n(&expansion->shown, token->text + skip, token->length - skip);
    return true;
}

bool sql_expand(const char *text, const char *file, int line, sql_lookup *lookup, void *arg,
                struct str *real, struct str *shown, struct err *err)
{
    struct expansion expansion = {.file = file, .lookup = lookup, .arg = arg, .err = err};
    struct lexer lexer = {.at = text, .line = line};
    enum token_kind before = TOKEN_SPACE;
    bool ok = true;
    for (struct token token; ok && (token = next_token(&lexer)).kind != TOKEN_END;) {
        ok = expand_token(&expansion, &token, before == TOKEN_WORD || before == TOKEN_CLOSE);
        before = token.kind;
    }
    /* Half an expansion is worse than none. */
    if (ok)
        str_add(real, str_text(&expansion.real));
    if (ok && shown)
        str_add(shown, str_text(&expansion.shown));
    str_free(&expansion.real);
    str_free(&expansion.shown);
    return ok;
}

void sql_variables(const char *text, int line, void (*each)(const char *name, int line, void *arg),
                   void *arg)
{
    struct lexer lexer = {.at = text, .line = line};
    for (struct token token; (token = next_token(&lexer)).kind != TOKEN_END;) {
        if (!token.name || token.kind == TOKEN_DEFINED)
            continue;
        char *name = xstrndup(token.name, token.name_length);
        each(name, token.line, arg);
        free(name);
    }
}

static bool word_is(const struct token *token, const char *word)
{
    return token->length == strlen(word) && strncasecmp(token->text, word, token->length) == 0;
}

/* What psql remembers of a statement to see where it ends. */
struct statement {
    const char *start; /* NULL: nothing but blanks and comments so far */
    const char *end;   /* of the last token that is neither */
    int parentheses;
    int blocks;   /* BEGIN ATOMIC ... END, and CASE ... END within */
    char head[5]; /* the first words' initials, where they are those of CREATE FUNCTION */
    size_t words;
};

/* CREATE [OR REPLACE] FUNCTION|PROCEDURE: only there does BEGIN open a block. */
static bool creates_routine(const struct statement *statement)
{
    static const char *const heads[] = {"cf", "cp", "corf", "corp"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(statement->head, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

static void note_word(struct statement *statement, const struct token *word)
{
    static const char *const words[] = {"create", "function", "procedure", "or", "replace"};
    if (statement->words < sizeof statement->head - 1) {
        statement->head[statement->words] = '-';
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (word_is(word, words[i]))
                statement->head[statement->words] = words[i][0];
    }
    statement->words++;
    if (statement->parentheses || !creates_routine(statement))
        return;
    if (word_is(word, "begin") || (statement->blocks && word_is(word, "case")))
        statement->blocks++;
    else if (statement->blocks && word_is(word, "end"))
        statement->blocks--;
}

/* Takes one token in; true if it ends the statement. */
static bool take_token(struct statement *statement, const struct token *token)
{
    if (token->kind == TOKEN_END)
        return true;
    if (token->kind == TOKEN_SPACE)
        return false;
    if (token->kind == TOKEN_SEMICOLON && !statement->parentheses && !statement->blocks)
        return true;
    if (token->kind == TOKEN_OPEN)
        statement->parentheses++;
    if (token->kind == TOKEN_CLOSE && statement->parentheses)
        statement->parentheses--;
    if (token->kind == TOKEN_WORD)
        note_word(statement, token);
    if (!statement->start)
        statement->start = token->text;
    statement->end = token->text + token->length;
    return false;
}

size_t sql_split(const char *text, struct arena *arena, char ***statements)
{
    struct lexer lexer = {.at = text};
    struct statement statement = {0};
    struct token token;
    size_t count = 0;
    *statements = NULL;
    do {
        token = next_token(&lexer);
        if (!take_token(&statement, &token))
            continue;
        if (statement.start) {
            char **new = arena_grow(arena, statements, count++, sizeof **statements);
            *new = arena_strndup(arena, statement.start, (size_t)(statement.end - statement.start));
        }
        statement = (struct statement){0};
    } while (token.kind != TOKEN_END);
    return count;
}

static void quote(struct str *out, const char *text, char quote_char, bool double_backslashes)
{
    str_char(out, quote_char);
    for (; *text; text++) {
        if (*text == quote_char || (*text == '\\' && double_backslashes))
            str_char(out, *text);
        str_char(out, *text);
    }
    str_char(out, quote_char);
}

void sql_quote_literal(struct str *out, const char *text)
{
    bool backslashes = strchr(text, '\\');
    /* The blank, as libpq's, keeps the E from growing on to a word before it. */
    if (backslashes)
        str_add(out, " E");
    quote(out, text, '\'', backslashes);
}

void sql_quote_identifier(struct str *out, const char *text)
{
    quote(out, text, '"', false);
}
