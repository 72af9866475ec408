/* Commitments and requests in English sentences, by the words that people use for them: who is to
 * do it, and until when, where the sentence tells. */
#include "text/digest_private.h"

#include <string.h>

typedef enum who { SPEAKER, NAMED, ADDRESSED, NOBODY } who;

typedef struct cue {
    const char *words;
    who assignee;
} cue;

static const cue cues[] = {
    {"action item", NOBODY},    {"i'll", SPEAKER},
    {"i will", SPEAKER},        {"i am going to", SPEAKER},
    {"i'm going to", SPEAKER},  {"i can take", SPEAKER},
    {"i need to", SPEAKER},     {"i have to", SPEAKER},
    {"i should", SPEAKER},      {"we need to", NOBODY},
    {"we have to", NOBODY},     {"we must", NOBODY},
    {"we should", NOBODY},      {"we'll", NOBODY},
    {"we will", NOBODY},        {"let's", NOBODY},
    {"can you", ADDRESSED},     {"could you", ADDRESSED},
    {"would you", ADDRESSED},   {"will you", ADDRESSED},
    {"please", ADDRESSED},      {"you need to", ADDRESSED},
    {"you should", ADDRESSED},  {"you have to", ADDRESSED},
    {"make sure", ADDRESSED},   {"don't forget", ADDRESSED},
    {"remember to", ADDRESSED}, {"follow up", NOBODY},
    {"needs to", NAMED},        {"has to", NAMED},
    {"should", NAMED},          {"will", NAMED},
    {"is going to", NAMED},
};

/* What sounds like one and is none: the words right behind the cue. */
static const char *const idle[] = {"see",          "say",     "be honest",     "be fair",
                                   "tell you",     "admit",   "hear",          "start by saying",
                                   "never forget", "imagine", "be right back", "think about",
                                   "explain why",  "bet",     "excuse",        "pardon"};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '\'' || ((unsigned char)c & 0x80) != 0;
}

/* Bytes of `words` when the text begins with them as whole words, else 0; case is the same to it,
 * and so are both apostrophes. */
static size_t begins_with(const char *text, const char *words)
{
    size_t at = 0;

    for (; *words != '\0'; words++) {
        if (*words == '\'' && strncmp(text + at, "\xe2\x80\x99", 3) == 0) {
            at += 3;
        } else if (lower(text[at]) == *words) {
            at++;
        } else {
            return 0;
        }
    }
    return is_letter(text[at]) ? 0 : at;
}

static size_t word_length(const char *text)
{
    size_t n = 0;

    while (is_letter(text[n])) {
        n++;
    }
    return n;
}

static bool is_idle(const char *rest)
{
    rest += strspn(rest, " ");
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        if (begins_with(rest, idle[i]) > 0) {
            return true;
        }
    }
    return false;
}

/* A name: a capital, and no word that sentences begin with. */
static bool is_name(const char *word, size_t bytes)
{
    static const char *const starts[] = {"it",   "he",   "she", "they", "this", "that", "there",
                                         "who",  "what", "so",  "well", "and",  "but",  "ok",
                                         "okay", "yeah", "yes", "no",   "now",  "then", "also"};
    char folded[32];

    if (bytes < 2 || bytes >= sizeof folded || word[0] < 'A' || word[0] > 'Z') {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        folded[i] = lower(word[i]);
    }
    folded[bytes] = '\0';
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (strcmp(folded, starts[i]) == 0) {
            return false;
        }
    }
    return !mli_digest_is_plain(folded, bytes);
}

/* The word right before `at`, whose end may be followed by a comma. */
static bool name_before(const char *sentence, const char *at, bool comma, mli_digest_action *out)
{
    const char *end = at;

    while (end > sentence && end[-1] == ' ') {
        end--;
    }
    if (comma && end > sentence && end[-1] == ',') {
        end--;
    } else if (comma) {
        return false;
    }
    const char *start = end;
    while (start > sentence && is_letter(start[-1])) {
        start--;
    }
    if (!is_name(start, (size_t)(end - start))) {
        return false;
    }
    out->assignee = start;
    out->assignee_bytes = (size_t)(end - start);
    return true;
}

static const char *const days[] = {"monday",
                                   "tuesday",
                                   "wednesday",
                                   "thursday",
                                   "friday",
                                   "saturday",
                                   "sunday",
                                   "january",
                                   "february",
                                   "march",
                                   "april",
                                   "may",
                                   "june",
                                   "july",
                                   "august",
                                   "september",
                                   "october",
                                   "november",
                                   "december",
                                   "tomorrow",
                                   "tonight",
                                   "today",
                                   "noon",
                                   "midnight",
                                   "week",
                                   "month",
                                   "quarter",
                                   "year",
                                   "end of the day",
                                   "end of day",
                                   "end of the week",
                                   "end of the month",
                                   "morning",
                                   "afternoon",
                                   "evening"};

static size_t day_at(const char *text)
{
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        size_t n = begins_with(text, days[i]);

        if (n > 0) {
            return n;
        }
    }
    return 0;
}

/* "by Friday", "until the end of the week", "next month", "tomorrow". */
static void find_due(const char *sentence, mli_digest_action *out)
{
    static const char *const before[] = {"by", "before", "until", "on", "next", "this", "for"};
    static const char *const between[] = {"next", "this", "the", "tomorrow", NULL};

    for (const char *at = sentence; *at != '\0'; at++) {
        size_t n = 0;

        if (at > sentence && is_letter(at[-1])) {
            continue;
        }
        for (size_t i = 0; n == 0 && i < sizeof before / sizeof *before; i++) {
            n = begins_with(at, before[i]);
        }
        const char *rest = at + n + strspn(at + n, " ");
        for (size_t i = 0; n > 0 && between[i] != NULL; i++) {
            size_t more = begins_with(rest, between[i]);
            const char *behind = rest + more + strspn(rest + more, " ");

            rest = more > 0 && day_at(behind) > 0 ? behind : rest;
        }
        size_t day = n > 0 ? day_at(rest) : begins_with(at, "tomorrow");
        rest = n > 0 ? rest : at;
        if (day > 0) {
            out->due = at;
            out->due_bytes = (size_t)(rest + day - at);
            return;
        }
    }
}

/* Whether this cue stands here and says that somebody is to do something. */
static bool fits(const char *sentence, const char *at, const cue *c, const char *speaker,
                 mli_digest_action *out)
{
    size_t n = begins_with(at, c->words);

    if (n == 0 || is_idle(at + n)) {
        return false;
    }
    out->assignee = NULL;
    out->assignee_bytes = 0;
    if (c->assignee == NAMED && !name_before(sentence, at, false, out)) {
        return false;
    }
    if (c->assignee == ADDRESSED) {
        (void)name_before(sentence, at, true, out); /* nobody: it is a request all the same */
    }
    if (c->assignee == SPEAKER && speaker != NULL) {
        out->assignee = speaker;
        out->assignee_bytes = strlen(speaker);
    }
    size_t behind = n + strspn(at + n, " ");
    return word_length(at + behind) > 0; /* there is something to do */
}

bool mli_digest_action_of(const char *sentence, const char *speaker, mli_digest_action *out)
{
    memset(out, 0, sizeof *out);
    for (const char *at = sentence; *at != '\0'; at++) {
        if (at > sentence && is_letter(at[-1])) {
            continue;
        }
        for (size_t i = 0; i < sizeof cues / sizeof *cues; i++) {
            if (fits(sentence, at, &cues[i], speaker, out)) {
                out->cue = cues[i].words;
                find_due(sentence, out);
                return true;
            }
        }
    }
    memset(out, 0, sizeof *out);
    return false;
}
