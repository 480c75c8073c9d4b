/* Which panels are seen and where: a pure function of the size of the screen and the focus. */
#ifndef PGCUTOVER_LAYOUT_H
#define PGCUTOVER_LAYOUT_H

#include "tui/paint.h"

/* In the order of the keys 1 to 9. */
enum panel {
    PANEL_CHECKLIST,
    PANEL_SLOTS,
    PANEL_SUBSCRIPTIONS,
    PANEL_TABLES,
    PANEL_NODES,
    PANEL_POOLS,
    PANEL_ACTIVITY,
    PANEL_JOURNAL,
    PANEL_CHECKS,
    PANEL_COUNT
};

struct layout {
    struct rect header, footer;
    struct rect panels[PANEL_COUNT]; /* rows 0: not seen */
};

/* The focused panel is always seen; `zoomed`, it is the only one. `banner` asks for one more line
 * of header. From 40x12 there are header and footer, below that what fits, down to 1x1. */
struct layout layout_for(int cols, int rows, enum panel focus, bool zoomed, bool banner);

#endif
