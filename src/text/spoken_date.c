/* Dates and times of day. */
#include "text/spoken_private.h"

#include <string.h>

static const struct month {
    const char *name, *abbreviation;
} months[] = {{"January", "Jan"},    {"February", "Feb"}, {"March", "Mar"},    {"April", "Apr"},
              {"May", "May"},        {"June", "Jun"},     {"July", "Jul"},     {"August", "Aug"},
              {"September", "Sept"}, {"October", "Oct"},  {"November", "Nov"}, {"December", "Dec"}};

const char *mli_month_name(int month)
{
    return months[month - 1].name;
}

int mli_month(const mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    if (t.bytes < 3 || !mli_is_upper(t.text[0]))
        return 0;
    for (int i = 0; i < 12; i++) {
        if (mli_text_is(t, months[i].name) || mli_text_is(t, months[i].abbreviation) ||
            (i == 8 && mli_text_is(t, "Sep")))
            return i + 1;
    }
    return 0;
}

/* 1..31 of "5", "05", "5th"; 0 when it is no day. */
static int day_of(mli_text_part t)
{
    size_t digits = 0;
    while (digits < t.bytes && mli_is_digit(t.text[digits]))
        digits++;
    if (digits == 0 || digits > 2)
        return 0;
    mli_text_part ending = {t.text + digits, t.bytes - digits};
    if (ending.bytes > 0 && !mli_text_is(ending, "st") && !mli_text_is(ending, "nd") &&
        !mli_text_is(ending, "rd") && !mli_text_is(ending, "th"))
        return 0;
    uint32_t day = mli_small_value(t.text, digits);
    return day >= 1 && day <= 31 ? (int)day : 0;
}

static bool is_year(mli_text_part t)
{
    return t.bytes == 4 && mli_all_digits(t.text, 4) && t.text[0] >= '1' && t.text[0] <= '2';
}

static void say_day(mli_saying *s, int day)
{
    char digits[2] = {(char)('0' + day / 10), (char)('0' + day % 10)};
    mli_say_ordinal(s, digits, 2);
}

static void say_month(mli_saying *s, int month)
{
    const char *name = mli_month_name(month);
    mli_say_word(s, name, strlen(name), MLI_SPOKEN_CAPITAL);
}

static size_t say_year_after(mli_saying *s, size_t at, size_t taken)
{
    mli_text_part t = mli_piece_text(s, at + taken);
    if (!is_year(t))
        return taken;
    mli_saying_at(s, at + taken);
    mli_say_year(s, t.text, 4);
    return taken + 1;
}

/* Numbers parted by one sign: how many (at most 4), each with its digits. */
static size_t parts_of(mli_text_part t, char sign, mli_text_part parts[4])
{
    size_t count = 0, from = 0;
    for (size_t i = 0; i <= t.bytes; i++) {
        if (i < t.bytes && t.text[i] != sign)
            continue;
        if (count == 4 || !mli_all_digits(t.text + from, i - from))
            return 0;
        parts[count++] = (mli_text_part){t.text + from, i - from};
        from = i + 1;
    }
    return count;
}

/* 2024-01-05, 1/5/2024, 01/05/24. */
static size_t say_numeric(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at), p[4];
    if (parts_of(t, '-', p) == 3 && p[0].bytes == 4 && p[1].bytes == 2 && p[2].bytes == 2) {
        uint32_t month = mli_small_value(p[1].text, 2), day = mli_small_value(p[2].text, 2);
        if (month < 1 || month > 12 || day < 1 || day > 31)
            return 0;
        say_month(s, (int)month);
        say_day(s, (int)day);
        mli_say_year(s, p[0].text, 4);
        return 1;
    }
    if (parts_of(t, '/', p) == 3 && p[0].bytes <= 2 && p[1].bytes <= 2 &&
        (p[2].bytes == 2 || p[2].bytes == 4)) {
        uint32_t month = mli_small_value(p[0].text, p[0].bytes);
        uint32_t day = mli_small_value(p[1].text, p[1].bytes);
        if (month > 12) { /* day first, where nothing else is possible */
            uint32_t other = month;
            month = day;
            day = other;
        }
        if (month < 1 || month > 12 || day < 1 || day > 31)
            return 0;
        say_month(s, (int)month);
        say_day(s, (int)day);
        if (p[2].bytes == 4) {
            mli_say_year(s, p[2].text, 4);
        } else {
            if (p[2].text[0] == '0')
                mli_say(s, "oh");
            mli_say_cardinal(s, p[2].text + (p[2].text[0] == '0' ? 1 : 0),
                             p[2].text[0] == '0' ? 1 : 2);
        }
        return 1;
    }
    return 0;
}

size_t mli_say_date(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    int month = mli_month(s, at), day = day_of(mli_piece_text(s, at + 1));

    if (month > 0 && s->pieces[at].mark == 0) {
        if (day > 0) {
            say_month(s, month);
            mli_saying_at(s, at + 1);
            say_day(s, day);
            return say_year_after(s, at, 2);
        }
        if (is_year(mli_piece_text(s, at + 1))) {
            say_month(s, month);
            return say_year_after(s, at, 1);
        }
    }
    if (month > 0 && (!mli_text_is(t, mli_month_name(month)) && s->pieces[at].dot)) {
        say_month(s, month); /* "in Sept." */
        return 1;
    }
    day = day_of(t);
    if (day > 0 && s->pieces[at].mark == 0 && mli_month(s, at + 1) > 0) {
        month = mli_month(s, at + 1);
        mli_say(s, "the");
        say_day(s, day);
        mli_say(s, "of");
        mli_saying_at(s, at + 1);
        say_month(s, month);
        return s->pieces[at + 1].mark == 0 ? say_year_after(s, at, 2) : 2;
    }
    return say_numeric(s, at);
}

/* 0 = none, 'a' or 'p' for "am", "a.m", "AM". */
static char half_of_day(mli_text_part t)
{
    if (mli_text_is(t, "am") || mli_text_is(t, "a.m"))
        return 'a';
    return mli_text_is(t, "pm") || mli_text_is(t, "p.m") ? 'p' : 0;
}

static void say_half(mli_saying *s, char half)
{
    char letters[2] = {half, 'm'};
    mli_say_word(s, letters, 2, MLI_SPOKEN_LETTERS);
}

static void say_minutes(mli_saying *s, mli_text_part minutes)
{
    if (minutes.text[0] == '0') {
        mli_say(s, "oh");
        mli_say_cardinal(s, minutes.text + 1, 1);
    } else {
        mli_say_cardinal(s, minutes.text, 2);
    }
}

static bool all_zero(mli_text_part t)
{
    for (size_t i = 0; i < t.bytes; i++) {
        if (t.text[i] != '0')
            return false;
    }
    return true;
}

/* Hours and minutes in words; `half` follows. */
static void say_clock(mli_saying *s, const mli_text_part *p, size_t count, bool half)
{
    mli_text_part hour = p[0];
    uint32_t hours = mli_small_value(hour.text, hour.bytes);
    if (hour.bytes == 2 && hour.text[0] == '0') {
        hour.text++;
        hour.bytes = 1;
    }
    mli_say_cardinal(s, hour.text, hour.bytes);
    if (count == 1)
        return;
    if (count == 2 && all_zero(p[1])) {
        if (!half)
            mli_say(s, hours >= 13 || hours == 0 ? "hundred" : "o'clock");
        return;
    }
    if (all_zero(p[1]))
        mli_say(s, "hundred");
    else
        say_minutes(s, p[1]);
    if (count == 3) {
        mli_say(s, "and");
        mli_say_cardinal(s, p[2].text + (p[2].text[0] == '0' ? 1 : 0), p[2].text[0] == '0' ? 1 : 2);
        mli_say(s, mli_small_value(p[2].text, 2) == 1 ? "second" : "seconds");
    }
}

static bool is_clock(const mli_text_part *p, size_t count)
{
    if (count < 1 || count > 3 || p[0].bytes > 2 || mli_small_value(p[0].text, p[0].bytes) > 24)
        return false;
    for (size_t i = 1; i < count; i++) {
        if (p[i].bytes != 2 || mli_small_value(p[i].text, 2) > 59)
            return false;
    }
    return true;
}

size_t mli_say_time(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at), p[4];
    size_t end = t.bytes;
    char half = 0;

    if (t.bytes == 0 || !mli_is_digit(t.text[0]))
        return 0;
    for (size_t i = 1; i < t.bytes && half == 0; i++) { /* "5pm", "10:30a.m" */
        half = half_of_day((mli_text_part){t.text + i, t.bytes - i});
        end = half != 0 ? i : t.bytes;
    }
    size_t count = parts_of((mli_text_part){t.text, end}, ':', p);
    if (!is_clock(p, count))
        return 0;
    char apart = half == 0 && s->pieces[at].mark == 0 ? half_of_day(mli_piece_text(s, at + 1)) : 0;
    if (count == 1 && half == 0 && apart == 0)
        return 0;
    say_clock(s, p, count, half != 0 || apart != 0);
    if (half != 0)
        say_half(s, half);
    if (apart == 0)
        return 1;
    mli_saying_at(s, at + 1);
    say_half(s, apart);
    return 2;
}
