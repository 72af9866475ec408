/* The system's clocks and random source, and UTC time as text (own calendar arithmetic: no time
 * zone data, no locale). */
#include "os/clock.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define NS_PER_S 1000000000LL

static int64_t read_clock(clockid_t id)
{
    struct timespec t = {0, 0};
    /* These clocks exist on every Linux, so that the call cannot fail. */
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + (int64_t)t.tv_nsec;
}

static int64_t system_realtime(void *user)
{
    (void)user;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic(void *user)
{
    (void)user;
    return read_clock(CLOCK_MONOTONIC);
}

static int system_sleep(void *user, int64_t ns)
{
    (void)user;
    if (ns <= 0)
        return 0;
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static int system_random(void *user, void *out, size_t bytes)
{
    unsigned char *to = out;
    (void)user;
    while (bytes > 0) {
        ssize_t n = getrandom(to, bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        to += n;
        bytes -= (size_t)n;
    }
    return 0;
}

const mli_os_clock mli_os_system_clock = {NULL, system_realtime, system_monotonic, system_sleep};
const mli_os_random mli_os_system_random = {NULL, system_random};

int64_t mli_os_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t mli_os_process_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* Days since 1970-01-01 of a proleptic Gregorian date (years counted from March). */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

const char mli_os_digit_pairs[200] = /* without a NUL */
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* Two digits; `value` below 100. */
static void put_pair(char *out, uint32_t value)
{
    memcpy(out, mli_os_digit_pairs + 2 * (size_t)value, 2);
}

/* Of days since 0000-03-01. In 32 bits and unsigned: lines of a log take this way each. */
static void put_date(char out[10], uint32_t days)
{
    uint32_t era = days / 146097, of_era = days % 146097;
    uint32_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * y + y / 4 - y / 100);
    uint32_t m = (5 * of_year + 2) / 153;
    uint32_t day = of_year - (153 * m + 2) / 5 + 1, month = m < 10 ? m + 3 : m - 9;
    uint32_t year = y + era * 400 + (month <= 2);
    put_pair(out, year / 100);
    put_pair(out + 2, year % 100);
    put_pair(out + 5, month);
    put_pair(out + 8, day);
}

void mli_os_format_utc(int64_t realtime_ns, char out[28])
{
    int64_t seconds = realtime_ns / NS_PER_S, rest = realtime_ns - seconds * NS_PER_S;
    if (rest < 0) {
        rest += NS_PER_S;
        seconds--;
    }
    /* Since 0000-03-01, and so never negative: nanoseconds reach from 1677 to 2262. */
    uint64_t since = (uint64_t)(seconds + 719468LL * 86400);
    uint32_t days = (uint32_t)(since / 86400), fraction = (uint32_t)rest / 1000;
    uint32_t of_day = (uint32_t)(since - (uint64_t)days * 86400);
    memcpy(out, "0000-00-00T00:00:00.000000Z", 28);
    put_date(out, days);
    put_pair(out + 11, of_day / 3600);
    put_pair(out + 14, of_day / 60 % 60);
    put_pair(out + 17, of_day % 60);
    put_pair(out + 20, fraction / 10000);
    put_pair(out + 22, fraction / 100 % 100);
    put_pair(out + 24, fraction % 100);
}

static int64_t read_digits(const char *text, int digits)
{
    int64_t value = 0;
    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int days_in_month(int64_t year, int64_t month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Digits behind the point as nanoseconds; moves *text to the first other character. -1 when bad. */
static int64_t read_fraction(const char **text)
{
    int64_t ns = 0, unit = NS_PER_S / 10;
    const char *p = *text;
    if (*p != '.')
        return 0;
    for (p++; *p >= '0' && *p <= '9'; p++) {
        if (unit == 0)
            return -1;
        ns += (*p - '0') * unit;
        unit /= 10;
    }
    *text = p;
    return ns;
}

int64_t mli_os_parse_utc(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00";
    if (text == NULL)
        return -1;
    for (size_t i = 0; i + 1 < sizeof form; i++) {
        int digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == '0' ? !digit : text[i] != form[i])
            return -1;
    }
    int64_t year = read_digits(text, 4), month = read_digits(text + 5, 2);
    int64_t day = read_digits(text + 8, 2), hour = read_digits(text + 11, 2);
    int64_t minute = read_digits(text + 14, 2), second = read_digits(text + 17, 2);
    const char *p = text + 19;
    int64_t fraction = read_fraction(&p);
    if (fraction < 0 || p[0] != 'Z' || p[1] != '\0' || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59)
        return -1;
    int64_t seconds = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    /* Nanoseconds in 64 bits hold the years 1970 to 2262. */
    if (seconds < 0 || seconds > INT64_MAX / NS_PER_S - 1)
        return -1;
    return seconds * NS_PER_S + fraction;
}
