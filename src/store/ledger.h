/* The ledger: what each user used, and what runs that execute hold, by the hour (UTC) in which they
 * were claimed; and the caps that bound it. Periods, amounts and the comparison are pure and here;
 * the rows are in sqlite_ledger.c. All amounts are whole numbers, so that a cap is never passed by
 * rounding. */
#ifndef MLI_STORE_LEDGER_H
#define MLI_STORE_LEDGER_H

#include <modellab/types.h>
#include <stdbool.h>

/* Numbers are stored; append only. */
typedef enum mli_measure {
    MLI_MEASURE_CPU_MS = 1,
    MLI_MEASURE_GPU_MS = 2,
    MLI_MEASURE_AUDIO_MS = 3,
    MLI_MEASURE_API_CALLS = 4,
    MLI_MEASURE_COST_MICROS = 5,
    MLI_MEASURE_RUNS = 6,
    MLI_MEASURE_PEAK_BYTES = 7, /* of a run only */
    MLI_MEASURE_WALL_MS = 8,    /* likewise */
    MLI_MEASURE_END
} mli_measure;

typedef enum mli_period {
    MLI_PERIOD_RUN = 1,
    MLI_PERIOD_HOUR = 2,
    MLI_PERIOD_DAY = 3,
    MLI_PERIOD_MONTH = 4,
    MLI_PERIOD_END
} mli_period;

/* Indexed by measure; 0 is unused. */
typedef struct mli_amounts {
    int64_t of[MLI_MEASURE_END];
} mli_amounts;

typedef struct mli_usage {
    mli_amounts used, held;
} mli_usage;

/* value -1: no cap, also where the default of all users ("*") has one. */
typedef struct mli_cap {
    int32_t measure, period;
    int64_t value;
} mli_cap;

enum { MLI_CAPS_MOST = 32, MLI_CAP_DEFAULTS_MOST = 4 };

/* The caps that hold for one user: his own, else those of "*", else the configured ones. */
typedef struct mli_cap_set {
    mli_cap caps[MLI_CAPS_MOST];
    size_t count;
} mli_cap_set;

/* Where a run stands before its user's caps. */
typedef struct mli_cap_verdict {
    int32_t measure, period; /* 0 = there is room */
    int64_t value, used, held, need;
    bool never;       /* it would not fit into an empty period either */
    int64_t until_ms; /* the end of the period: not earlier, unless runs that hold give back; 0 =
                         runs hold what is missing */
} mli_cap_verdict;

/* What a run holds, and which measures of its user have a cap for a period (bit 1 << measure). */
typedef struct mli_hold {
    mli_amounts held;
    uint32_t capped;
} mli_hold;

#define MLI_MS_PER_HOUR ((int64_t)3600000)

/* Hours since 1970 of the period around `hour`: [*from, *to). Calendar periods in UTC. */
void mli_period_bounds(mli_period period, int64_t hour, int64_t *from, int64_t *to);
bool mli_measure_valid(int32_t measure, int32_t period);
const char *mli_measure_name(int32_t measure); /* "cpu_seconds"; "" for others */
const char *mli_period_name(int32_t period);   /* "day" */
bool mli_measure_parse(const char *name, int32_t *out);
bool mli_period_parse(const char *name, int32_t *out);

/* Adds a cap unless the set has one for this measure and period. */
void mli_cap_set_add(mli_cap_set *set, const mli_cap *cap);
/* The value for a measure and period; -1 = none. */
int64_t mli_cap_set_value(const mli_cap_set *set, mli_measure measure, mli_period period);
/* Does `need` fit beside what is used and held? Equal to the cap is within it. */
bool mli_cap_fits(const mli_cap *cap, const mli_usage *usage, const mli_amounts *need);
/* Fills the verdict of a cap that does not fit; `period_end_hour` as of mli_period_bounds. */
void mli_cap_refuse(const mli_cap *cap, const mli_usage *usage, const mli_amounts *need,
                    int64_t period_end_hour, mli_cap_verdict *out);
/* An amount as people write it: seconds, units of the currency, or the number. */
void mli_cap_amount_text(int32_t measure, int64_t amount, char *out, size_t capacity);
/* The sentence of a verdict. */
void mli_cap_verdict_text(const mli_cap_verdict *verdict, char *out, size_t capacity);
/* Seconds of a measure to the ledger's milliseconds, rounded up; not known = 0. */
int64_t mli_seconds_to_ms_up(double seconds);

#endif
