/* Aligns letters with phonemes by the cheapest path: usual spellings cost nothing. */
#include "text/spelling.h"

#include <string.h>

/* Usual spellings, longest first where one begins another. */
static const char *const spellings[MLI_PHONES] = {
    [MLI_AA] = "o a ah au ea e ow aa i ho",
    [MLI_AE] = "a ai au aa i ha",
    [MLI_AH] = "a e i o u ou oo y ia io eo ai ea oe ie ei ah au eu ue",
    [MLI_AO] = "o a au aw ou oa ough augh oo ao ho",
    [MLI_AW] = "ou ow au ough ao hou",
    [MLI_AY] = "i y ie igh eye uy ye ai ei ay ig eigh ui is",
    [MLI_EH] = "e ea a ai ie u ae ei eo ay he",
    [MLI_ER] =
        "er ir ur or ar ear yr our re eur oar ure err irr urr orr arr yrr ro ier eer ire r ere",
    [MLI_EY] = "a ai ay ei ey ea eigh e ae et au aigh ee",
    [MLI_IH] = "i y e a u ui ie ee ia o ea ai ei ey hi",
    [MLI_IY] = "e ee ea y i ie ei ey eo ae ay oe is he",
    [MLI_OW] = "o oa ow oe ough ou eau ew oh au owe ot ho",
    [MLI_OY] = "oi oy eu",
    [MLI_UH] = "oo u ou o",
    [MLI_UW] = "u oo ew ue ou ui o oe eu ough ieu iew ous oux",
    [MLI_B] = "b bb pb",
    [MLI_CH] = "ch t tch c cz ti cc te",
    [MLI_D] = "d dd ed ld de z t",
    [MLI_DH] = "th the",
    [MLI_F] = "f ff ph gh lf fe ft",
    [MLI_G] = "g gg gh gu gue x ck",
    [MLI_HH] = "h wh j g",
    [MLI_JH] = "j g dg d dge gg ge di dj gi",
    [MLI_K] = "c k ck ch cc q qu que kk x cq lk kh ke cch che c't",
    [MLI_L] = "l ll le lle",
    [MLI_M] = "m mm mb mn lm me",
    [MLI_N] = "n nn kn gn pn ne dn mn",
    [MLI_NG] = "n ng nd ngue",
    [MLI_P] = "p pp ph pe",
    [MLI_R] = "r rr wr rh re rrh",
    [MLI_S] = "s ss c sc ps ce se st z ts sse 's sw sce",
    [MLI_SH] = "sh ti ci s ss si sch ch ssi c t ce sci x che",
    [MLI_T] = "t tt ed th d ght pt bt ct te tte",
    [MLI_TH] = "th t tth the",
    [MLI_V] = "v f vv ve ph lve",
    [MLI_W] = "w wh u o",
    [MLI_Y] = "y i u j e ll",
    [MLI_Z] = "z s zz x ss se ze es 's cz",
    [MLI_ZH] = "s si z zi g ge ti j su",
};

enum { BAD = 1000000, SILENT = 3, WITHOUT = 4, ODD = 5 };

/* Cost of writing the phoneme with the letters; BAD when nobody does. */
static int cost_of(mli_phone phone, const char *letters, size_t bytes)
{
    const char *at = spellings[phone];
    while (*at != '\0') {
        const char *end = strchr(at, ' ');
        size_t n = end != NULL ? (size_t)(end - at) : strlen(at);
        if (n == bytes && memcmp(at, letters, n) == 0)
            return 0;
        at += n + (end != NULL ? 1 : 0);
    }
    return bytes == 1 ? ODD : BAD;
}

static void take(int *best, uint8_t *step, int cost, size_t letters)
{
    if (cost < *best) {
        *best = cost;
        *step = (uint8_t)letters;
    }
}

#define SKIP 99 /* the step that leaves a letter silent */

void mli_spelling_align(mli_spelling *out, const char *word, size_t bytes, const uint8_t *phones,
                        size_t count)
{
    static const size_t most = 4;
    int cost[MLI_SPELLING_LETTERS + 1];
    uint8_t step[MLI_WORD_PHONES + 1][MLI_SPELLING_LETTERS + 1];
    int before[MLI_SPELLING_LETTERS + 1];

    if (bytes > MLI_SPELLING_LETTERS)
        bytes = MLI_SPELLING_LETTERS;
    if (count > MLI_WORD_PHONES)
        count = MLI_WORD_PHONES;
    *out = (mli_spelling){.word = word, .bytes = bytes, .phones = phones, .count = count};
    for (size_t i = 0; i <= count; i++) {
        for (size_t j = 0; j <= bytes; j++) {
            cost[j] = i == 0 && j == 0 ? 0 : BAD;
            step[i][j] = 0;
            if (i > 0) {
                mli_phone phone = mli_phone_of(phones[i - 1]);
                for (size_t n = 1; n <= most && n <= j; n++)
                    take(&cost[j], &step[i][j],
                         before[j - n] + cost_of(phone, word + j - n, n) + (n > 1 ? -1 : 0), n);
                take(&cost[j], &step[i][j], before[j] + WITHOUT, 0);
            }
            if (j > 0)
                take(&cost[j], &step[i][j], cost[j - 1] + (word[j - 1] == '\'' ? 0 : SILENT), SKIP);
        }
        memcpy(before, cost, sizeof before);
    }
    for (size_t i = count, j = bytes; i > 0 || j > 0;) {
        uint8_t s = step[i][j];
        if (s == SKIP) {
            j--;
            continue;
        }
        if (i == 0)
            break;
        i--;
        j -= s;
        out->from[i] = (uint8_t)j;
        out->length[i] = s;
    }
}

bool mli_spelled(const mli_spelling *s, size_t i, const char *letters)
{
    return i < s->count && strlen(letters) == s->length[i] &&
           memcmp(s->word + s->from[i], letters, s->length[i]) == 0;
}

char mli_spelled_first(const mli_spelling *s, size_t i)
{
    return i < s->count && s->length[i] > 0 ? s->word[s->from[i]] : '\0';
}
