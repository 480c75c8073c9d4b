#include "tui/screen.h"

#include "core/mem.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* Signals need to know whether the terminal is ours and how it was: curses has this state for the
 * whole process, and so has this file. */
static volatile sig_atomic_t taken;
static struct termios before;
static WINDOW *input; /* a pad: reading from it never draws */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define CRASHES (sizeof crashes / sizeof *crashes)
static struct sigaction before_crash[CRASHES];

/* Fixed bytes and calls that are safe in a handler: curses is not. */
static void give_back_raw(void)
{
    static const char sane[] = "\033[?2004l\033[?1l\033>\033[0m\033[?25h\033[?1049l\r\n";

    if (!taken)
        return;
    taken = 0;
    if (write(STDOUT_FILENO, sane, sizeof sane - 1) < 0) {
        /* nothing is left to be done */
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* Whoever had the signal before (the system, a sanitizer) gets it next: a fault happens again as
 * soon as we return, what was sent has to be sent anew. */
static void crashed(int number, siginfo_t *info, void *context)
{
    (void)context;
    give_back_raw();
    for (size_t i = 0; i < CRASHES; i++) {
        if (crashes[i] == number)
            sigaction(number, &before_crash[i], NULL);
    }
    if (info->si_code <= 0)
        raise(number);
}

static void catch_crashes(void)
{
    struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_NODEFER};

    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &action, &before_crash[i]);
}

static void paste_mode(bool on)
{
    fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
    fflush(stdout);
}

/* ^S would stop the terminal, and with it the loop at its next write. */
static void no_flow_control(void)
{
    struct termios now;

    if (tcgetattr(STDIN_FILENO, &now) == 0) {
        now.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
        tcsetattr(STDIN_FILENO, TCSANOW, &now);
        def_prog_mode();
    }
}

bool screen_enter(struct err *err)
{
    const char *type = getenv("TERM");

    setlocale(LC_CTYPE, "");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return err_set(err, "this is no terminal; without one, use `pgcutover status`");
    if (newterm(NULL, stdout, stdin) == NULL)
        return err_set(err, "TERM=%s: no such terminal is known here; try TERM=xterm",
                       type != NULL ? type : "");
    taken = 1;
    mem_last_words = give_back_raw;
    catch_crashes();
    cbreak();
    noecho();
    nonl();
    set_escdelay(25);
    no_flow_control();
    input = newpad(1, 1);
    keypad(input, TRUE);
    nodelay(input, TRUE);
    leaveok(stdscr, FALSE);
    define_key("\033[200~", SCREEN_PASTE_BEGIN);
    define_key("\033[201~", SCREEN_PASTE_END);
    paste_mode(true);
    return true;
}

void screen_leave(void)
{
    if (!taken)
        return;
    taken = 0;
    paste_mode(false);
    endwin();
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    mem_last_words = NULL;
}

void screen_suspend(void)
{
    paste_mode(false);
    endwin();
    taken = 0;
}

void screen_resume(void)
{
    taken = 1;
    paste_mode(true);
    flushinp();
    clearok(curscr, TRUE);
    screen_resize();
}

void screen_resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
}

void screen_size(int *cols, int *rows)
{
    getmaxyx(stdscr, *rows, *cols);
}

bool screen_key(int *code, wchar_t *character)
{
    wint_t key = 0;
    int kind = wget_wch(input, &key);

    *code = kind == KEY_CODE_YES ? (int)key : 0;
    *character = kind == KEY_CODE_YES ? L'\0' : (wchar_t)key;
    return kind != ERR;
}

void screen_drop_keys(void)
{
    flushinp();
}

bool screen_lost(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&in, 1, 0) > 0 && (in.revents & (POLLHUP | POLLERR | POLLNVAL));
}

bool screen_writable(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) > 0 && (out.revents & POLLOUT);
}

void screen_forget(void)
{
    clearok(curscr, TRUE);
}

void screen_begin(void)
{
    attrset(A_NORMAL);
    erase();
}

void screen_end(int y, int x)
{
    move(y, x);
    wnoutrefresh(stdscr);
    doupdate();
}

/* Only to terminals that take it for a title; elsewhere it would be text on the screen. */
void screen_title(const char *title)
{
    static const char *const titled[] = {"xterm", "rxvt",    "screen", "tmux",  "alacritty", "foot",
                                         "st-",   "konsole", "gnome",  "putty", "vte"};
    const char *type = getenv("TERM");

    for (size_t i = 0; type != NULL && i < sizeof titled / sizeof *titled; i++) {
        if (strncmp(type, titled[i], strlen(titled[i])) == 0) {
            printf("\033]2;%s\007", title);
            fflush(stdout);
            return;
        }
    }
}

void screen_copy(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = strlen(text);

    fputs("\033]52;c;", stdout);
    for (size_t i = 0; i < length; i += 3) {
        unsigned second = i + 1 < length ? bytes[i + 1] : 0;
        unsigned third = i + 2 < length ? bytes[i + 2] : 0;
        unsigned group = (unsigned)bytes[i] << 16 | second << 8 | third;
        putchar(digits[group >> 18 & 63]);
        putchar(digits[group >> 12 & 63]);
        putchar(i + 1 < length ? digits[group >> 6 & 63] : '=');
        putchar(i + 2 < length ? digits[group & 63] : '=');
    }
    fputs("\007", stdout);
    fflush(stdout);
}

void screen_bell(void)
{
    beep();
}
