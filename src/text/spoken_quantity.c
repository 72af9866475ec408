/* Numbers with something to count: money, percent, units. */
#include "text/spoken_private.h"

#include <string.h>

typedef struct currency {
    const char *sign; /* before the number, or behind it */
    const char *one, *many, *cent, *cents;
} currency;

static const currency currencies[] = {
    {"US$", "dollar", "dollars", "cent", "cents"},
    {"A$", "australian dollar", "australian dollars", "cent", "cents"},
    {"C$", "canadian dollar", "canadian dollars", "cent", "cents"},
    {"HK$", "hong kong dollar", "hong kong dollars", "cent", "cents"},
    {"$", "dollar", "dollars", "cent", "cents"},
    {"\x80", "euro", "euros", "cent", "cents"},
    {"\x81", "pound", "pounds", "penny", "pence"},
    {"\x82", "yen", "yen", NULL, NULL},
    {"EUR", "euro", "euros", "cent", "cents"},
    {"USD", "us dollar", "us dollars", "cent", "cents"},
    {"GBP", "pound", "pounds", "penny", "pence"},
    {"JPY", "yen", "yen", NULL, NULL},
    {"CHF", "swiss franc", "swiss francs", NULL, NULL},
};

static const struct scale {
    const char *sign, *word;
} scales[] = {{"k", "thousand"},  {"K", "thousand"}, {"m", "million"}, {"M", "million"},
              {"mn", "million"},  {"b", "billion"},  {"B", "billion"}, {"bn", "billion"},
              {"tn", "trillion"}, {"T", "trillion"}};

typedef struct unit {
    const char *sign, *one, *many;
} unit;

/* Signs that are words too ("in", "a", "m") count only when they stand directly at the number, or
 * are marked safe by their dot. */
static const unit units[] = {
    {"km", "kilometer", "kilometers"},
    {"cm", "centimeter", "centimeters"},
    {"mm", "millimeter", "millimeters"},
    {"nm", "nanometer", "nanometers"},
    {"m", "meter", "meters"},
    {"mi", "mile", "miles"},
    {"ft", "foot", "feet"},
    {"in", "inch", "inches"},
    {"yd", "yard", "yards"},
    {"yds", "yard", "yards"},
    {"kg", "kilogram", "kilograms"},
    {"g", "gram", "grams"},
    {"mg", "milligram", "milligrams"},
    {"ug", "microgram", "micrograms"},
    {"lb", "pound", "pounds"},
    {"lbs", "pound", "pounds"},
    {"oz", "ounce", "ounces"},
    {"l", "liter", "liters"},
    {"L", "liter", "liters"},
    {"ml", "milliliter", "milliliters"},
    {"mL", "milliliter", "milliliters"},
    {"gal", "gallon", "gallons"},
    {"h", "hour", "hours"},
    {"hr", "hour", "hours"},
    {"hrs", "hour", "hours"},
    {"min", "minute", "minutes"},
    {"mins", "minute", "minutes"},
    {"s", "second", "seconds"},
    {"sec", "second", "seconds"},
    {"secs", "second", "seconds"},
    {"ms", "millisecond", "milliseconds"},
    {"us", "microsecond", "microseconds"},
    {"ns", "nanosecond", "nanoseconds"},
    {"mph", "mile per hour", "miles per hour"},
    {"kph", "kilometer per hour", "kilometers per hour"},
    {"km/h", "kilometer per hour", "kilometers per hour"},
    {"kmh", "kilometer per hour", "kilometers per hour"},
    {"m/s", "meter per second", "meters per second"},
    {"Hz", "hertz", "hertz"},
    {"kHz", "kilohertz", "kilohertz"},
    {"MHz", "megahertz", "megahertz"},
    {"GHz", "gigahertz", "gigahertz"},
    {"B", "byte", "bytes"},
    {"KB", "kilobyte", "kilobytes"},
    {"kB", "kilobyte", "kilobytes"},
    {"MB", "megabyte", "megabytes"},
    {"GB", "gigabyte", "gigabytes"},
    {"TB", "terabyte", "terabytes"},
    {"kbps", "kilobit per second", "kilobits per second"},
    {"Mbps", "megabit per second", "megabits per second"},
    {"Gbps", "gigabit per second", "gigabits per second"},
    {"W", "watt", "watts"},
    {"kW", "kilowatt", "kilowatts"},
    {"MW", "megawatt", "megawatts"},
    {"kWh", "kilowatt hour", "kilowatt hours"},
    {"V", "volt", "volts"},
    {"A", "amp", "amps"},
    {"mAh", "milliamp hour", "milliamp hours"},
    {"dB", "decibel", "decibels"},
    {"kcal", "kilocalorie", "kilocalories"},
    {"cal", "calorie", "calories"},
    {"Pa", "pascal", "pascals"},
    {"hPa", "hectopascal", "hectopascals"},
    {"psi", "p s i", "p s i"},
    {"ppm", "part per million", "parts per million"},
    {"px", "pixel", "pixels"},
    {"x", "times", "times"},
    {"\x83", "degree", "degrees"},
    {"\x83"
     "C",
     "degree celsius", "degrees celsius"},
    {"\x83"
     "F",
     "degree fahrenheit", "degrees fahrenheit"},
    {"\x83"
     "K",
     "degree kelvin", "degrees kelvin"},
    {"%", "percent", "percent"},
    {"\x86", "cent", "cents"},
    {"sq ft", "square foot", "square feet"},
    {"km^2", "square kilometer", "square kilometers"},
    {"m^2", "square meter", "square meters"},
    {"ft^2", "square foot", "square feet"},
    {"cm^2", "square centimeter", "square centimeters"},
    {"m^3", "cubic meter", "cubic meters"},
    {"cm^3", "cubic centimeter", "cubic centimeters"},
};

static bool equals(const char *text, size_t bytes, const char *word)
{
    return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

static const unit *find_unit(const char *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (equals(text, bytes, units[i].sign))
            return &units[i];
    }
    return NULL;
}

/* A unit that stands apart from its number, where one letter may be a word of its own. */
static const unit *find_apart(const mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    const unit *u = find_unit(t.text, t.bytes);
    if (u == NULL || t.text[0] == '%' || (unsigned char)t.text[0] >= 0x80)
        return u;
    if (t.bytes == 1 && strchr("gmlLWVs", t.text[0]) == NULL)
        return NULL;
    if ((mli_text_is(t, "in") || mli_text_is(t, "us") || mli_text_is(t, "s")) && !s->pieces[at].dot)
        return NULL;
    return u;
}

/* Bytes of the number at the start of a text; 0 when there is none. */
static size_t number_length(const char *text, size_t bytes)
{
    size_t n = bytes > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    while (n < bytes && (mli_is_digit(text[n]) || text[n] == '.' || text[n] == ','))
        n++;
    while (n > 0 && (text[n - 1] == '.' || text[n - 1] == ','))
        n--;
    return n > 0 && mli_is_decimal(text, n) ? n : 0;
}

static bool is_one(const char *text, size_t bytes)
{
    return bytes == 1 && text[0] == '1';
}

static const char *scale_of(const char *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        if (equals(text, bytes, scales[i].sign))
            return scales[i].word;
    }
    return NULL;
}

static bool is_scale_word(mli_text_part t)
{
    return mli_text_is(t, "hundred") || mli_text_is(t, "thousand") || mli_text_is(t, "million") ||
           mli_text_is(t, "billion") || mli_text_is(t, "trillion");
}

/* $3.50: two places behind the point are cents. */
static bool has_cents(const char *number, size_t bytes)
{
    return bytes >= 3 && number[bytes - 3] == '.';
}

static void say_cents(mli_saying *s, const currency *c, const char *number, size_t bytes)
{
    uint32_t cents = mli_small_value(number + bytes - 2, 2);
    size_t whole = bytes - 3;
    bool none = whole == 0 || (whole == 1 && number[0] == '0');
    if (!none || cents == 0) {
        if (!mli_say_decimal(s, number, whole > 0 ? whole : 1))
            mli_say(s, "zero");
        mli_say(s, is_one(number, whole) ? c->one : c->many);
    }
    if (cents > 0) {
        if (!none)
            mli_say(s, "and");
        if (number[bytes - 2] == '0')
            mli_say_cardinal(s, number + bytes - 1, 1);
        else
            mli_say_cardinal(s, number + bytes - 2, 2);
        mli_say(s, cents == 1 ? c->cent : c->cents);
    }
}

/* The amount behind a sign; what follows in the piece may be a scale (5m), what comes next a word
 * (million). */
static size_t say_amount(mli_saying *s, size_t at, const currency *c, const char *text,
                         size_t bytes)
{
    size_t number = number_length(text, bytes);
    const char *scale = number < bytes ? scale_of(text + number, bytes - number) : NULL;

    if (number == 0 || (number < bytes && scale == NULL)) {
        if (number == 0 || text[number] != '-')
            return 0;
        size_t second = number_length(text + number + 1, bytes - number - 1); /* $5-10 */
        if (second == 0 || number + 1 + second != bytes)
            return 0;
        (void)mli_say_decimal(s, text, number);
        mli_say(s, "to");
        (void)mli_say_decimal(s, text + number + 1, second);
        mli_say(s, c->many);
        return 1;
    }
    if (scale == NULL && is_scale_word(mli_piece_text(s, at + 1)) && s->pieces[at].mark == 0) {
        mli_text_part word = mli_piece_text(s, at + 1);
        (void)mli_say_decimal(s, text, number);
        mli_saying_at(s, at + 1);
        mli_say_word(s, word.text, word.bytes, 0);
        mli_say(s, c->many);
        return 2;
    }
    if (scale == NULL && has_cents(text, number) && c->cents != NULL) {
        say_cents(s, c, text, number);
        return 1;
    }
    (void)mli_say_decimal(s, text, number);
    if (scale != NULL)
        mli_say(s, scale);
    mli_say(s, is_one(text, number) && scale == NULL ? c->one : c->many);
    return 1;
}

static size_t say_money(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    bool minus = t.bytes > 1 && t.text[0] == '-';
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++) {
        const currency *c = &currencies[i];
        size_t sign = strlen(c->sign), skip = minus ? 1 : 0;
        if (t.bytes > sign + skip && memcmp(t.text + skip, c->sign, sign) == 0 &&
            number_length(t.text + skip + sign, t.bytes - skip - sign) > 0) {
            if (minus)
                mli_say(s, "minus");
            return say_amount(s, at, c, t.text + skip + sign, t.bytes - skip - sign);
        }
        if (t.bytes > sign && memcmp(t.text + t.bytes - sign, c->sign, sign) == 0 &&
            number_length(t.text, t.bytes - sign) == t.bytes - sign)
            return say_amount(s, at, c, t.text, t.bytes - sign);
        mli_text_part next = mli_piece_text(s, at + 1);
        if (equals(next.text, next.bytes, c->sign) && s->pieces[at].mark == 0 &&
            number_length(t.text, t.bytes) == t.bytes) {
            (void)mli_say_decimal(s, t.text, t.bytes);
            mli_saying_at(s, at + 1);
            mli_say(s, is_one(t.text, t.bytes) ? c->one : c->many);
            return 2;
        }
    }
    return 0;
}

/* "50-60%": both ends and the unit. */
static size_t say_range_unit(mli_saying *s, const char *text, size_t bytes, size_t first)
{
    size_t second = number_length(text + first + 1, bytes - first - 1);
    size_t rest = first + 1 + second;
    if (second == 0 || rest >= bytes)
        return 0;
    const unit *u = find_unit(text + rest, bytes - rest);
    if (u == NULL)
        return 0;
    (void)mli_say_decimal(s, text, first);
    mli_say(s, "to");
    (void)mli_say_decimal(s, text + first + 1, second);
    mli_say(s, u->many);
    return 1;
}

static size_t say_unit(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    size_t number = number_length(t.text, t.bytes);

    if (number == 0)
        return 0;
    if (number < t.bytes) {
        if (t.text[number] == '-' && number + 1 < t.bytes && mli_is_digit(t.text[number + 1]))
            return say_range_unit(s, t.text, t.bytes, number);
        size_t gap = t.text[number] == '-' ? 1 : 0; /* "5-km" */
        const unit *u = find_unit(t.text + number + gap, t.bytes - number - gap);
        if (u != NULL && u->sign[0] == 's' && u->sign[1] == '\0' && t.text[number - 1] == '0' &&
            (number == 2 || number == 4))
            return 0; /* 90s, 1990s */
        const char *scale = u == NULL ? scale_of(t.text + number, t.bytes - number) : NULL;
        if (u == NULL && scale == NULL)
            return 0;
        (void)mli_say_decimal(s, t.text, number);
        mli_say(s, scale != NULL ? scale : is_one(t.text, number) || gap > 0 ? u->one : u->many);
        return 1;
    }
    const unit *u = s->pieces[at].mark == 0 ? find_apart(s, at + 1) : NULL;
    if (u == NULL)
        return 0;
    (void)mli_say_decimal(s, t.text, number);
    mli_saying_at(s, at + 1);
    mli_say(s, is_one(t.text, number) ? u->one : u->many);
    return 2;
}

size_t mli_say_quantity(mli_saying *s, size_t at)
{
    size_t taken = say_money(s, at);
    return taken > 0 ? taken : say_unit(s, at);
}
