/* English words that tell nothing of a subject. */
#include "text/digest_private.h"

#include <math.h>
#include <string.h>

/* Sorted, for a binary search; a test compares. */
static const char *const plain[] = {
    "a",         "about",   "above",     "actually", "after",      "again",     "against",
    "ago",       "ah",      "all",       "almost",   "also",       "although",  "always",
    "am",        "an",      "and",       "another",  "any",        "anybody",   "anyone",
    "anything",  "anyway",  "are",       "aren't",   "around",     "as",        "at",
    "away",      "back",    "basically", "be",       "because",    "been",      "before",
    "being",     "below",   "best",      "better",   "between",    "big",       "bit",
    "both",      "but",     "by",        "came",     "can",        "can't",     "cannot",
    "come",      "comes",   "coming",    "could",    "couldn't",   "did",       "didn't",
    "different", "do",      "does",      "doesn't",  "doing",      "don't",     "done",
    "down",      "during",  "each",      "either",   "else",       "er",        "even",
    "ever",      "every",   "everybody", "everyone", "everything", "few",       "first",
    "for",       "from",    "further",   "gave",     "get",        "gets",      "getting",
    "give",      "go",      "goes",      "going",    "gonna",      "good",      "got",
    "gotta",     "great",   "had",       "hadn't",   "has",        "hasn't",    "have",
    "haven't",   "having",  "he",        "he'd",     "he'll",      "he's",      "hello",
    "her",       "here",    "here's",    "hers",     "herself",    "hey",       "hi",
    "him",       "himself", "his",       "hmm",      "how",        "however",   "i",
    "i'd",       "i'll",    "i'm",       "i've",     "if",         "in",        "indeed",
    "instead",   "into",    "is",        "isn't",    "it",         "it'll",     "it's",
    "its",       "itself",  "just",      "keep",     "kind",       "knew",      "know",
    "knows",     "last",    "least",     "less",     "let",        "let's",     "like",
    "little",    "long",    "look",      "lot",      "lots",       "made",      "make",
    "makes",     "making",  "many",      "may",      "maybe",      "me",        "mean",
    "means",     "might",   "mine",      "mm",       "more",       "most",      "much",
    "must",      "my",      "myself",    "need",     "never",      "new",       "next",
    "no",        "nobody",  "none",      "nor",      "not",        "nothing",   "now",
    "of",        "off",     "often",     "oh",       "ok",         "okay",      "old",
    "on",        "once",    "one",       "ones",     "only",       "onto",      "or",
    "other",     "others",  "our",       "ours",     "ourselves",  "out",       "over",
    "own",       "perhaps", "please",    "pretty",   "probably",   "put",       "quite",
    "rather",    "really",  "right",     "said",     "same",       "saw",       "say",
    "saying",    "says",    "see",       "seem",     "seems",      "seen",      "shall",
    "she",       "she'd",   "she'll",    "she's",    "should",     "shouldn't", "since",
    "so",        "some",    "somebody",  "someone",  "something",  "sometimes", "sort",
    "still",     "stuff",   "such",      "sure",     "take",       "taken",     "takes",
    "talk",      "talking", "tell",      "than",     "thank",      "thanks",    "that",
    "that'll",   "that's",  "the",       "their",    "theirs",     "them",      "themselves",
    "then",      "there",   "there's",   "these",    "they",       "they'd",    "they'll",
    "they're",   "they've", "thing",     "things",   "think",      "this",      "those",
    "though",    "thought", "three",     "through",  "time",       "to",        "today",
    "together",  "too",     "took",      "tried",    "try",        "trying",    "two",
    "uh",        "um",      "under",     "until",    "up",         "upon",      "us",
    "use",       "used",    "very",      "wanna",    "want",       "wanted",    "wants",
    "was",       "wasn't",  "way",       "we",       "we'd",       "we'll",     "we're",
    "we've",     "well",    "went",      "were",     "weren't",    "what",      "what's",
    "whatever",  "when",    "where",     "whether",  "which",      "while",     "who",
    "who's",     "whole",   "whom",      "whose",    "why",        "will",      "with",
    "within",    "without", "won't",     "would",    "wouldn't",   "yeah",      "yes",
    "yet",       "you",     "you'd",     "you'll",   "you're",     "you've",    "your",
    "yours",     "yourself"};

bool mli_digest_is_plain(const char *word, size_t bytes)
{
    size_t low = 0, high = sizeof plain / sizeof *plain;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(word, plain[middle], bytes);

        order = order == 0 && plain[middle][bytes] != '\0' ? -1 : order;
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

double mli_digest_weight(const mli_digest *digest, uint32_t term)
{
    return log(1.0 + (double)digest->count / (double)digest->terms[term].sentences);
}
