/* Pictures of a terminal, for the README. */
#ifndef TESTS_SCREEN_SVG_H
#define TESTS_SCREEN_SVG_H

#include "tests/screen/term.h"

/* Writes the screen as an SVG file: a window with the terminal's title on a dark background of its
 * own, so it looks the same on light and dark pages. Lines and blocks are drawn as shapes, so they
 * join whatever font the reader has. The same screen always gives the same bytes. */
void svg_write(const struct term *t, FILE *out);

#endif
