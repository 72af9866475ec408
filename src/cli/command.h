/* The one table of commands and options: parsing, help, suggestions, completion and the man page
 * all come from it. */
#ifndef MLI_CLI_COMMAND_H
#define MLI_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* Every option of every command, once: X(ID, letter or 0, "name", "VALUE" or NULL for a flag,
 * "choices|..." or NULL, "text"). */
#define CLI_OPTION_LIST(X)                                                                         \
    X(HELP, 'h', "help", NULL, NULL, "Show this help.")                                            \
    X(JSON, 0, "json", NULL, NULL, "Print JSON on stdout; its shape is stable.")                   \
    X(QUIET, 'q', "quiet", NULL, NULL, "No progress bar and no notes on stderr, only errors.")     \
    X(LAB, 0, "lab", "PATH", NULL, "Folder of the lab. Default: MODEL_LAB_ROOT.")                  \
    X(MODEL, 'm', "model", "NAME", NULL,                                                           \
      "Model: a name of `modellab models list`. Default: whisper-tiny.en.")                        \
    X(LANGUAGE, 'l', "language", "LANG", NULL, "Language code such as en, or auto to detect it.")  \
    X(TASK, 0, "task", "TASK", "transcribe|translate",                                             \
      "Keep the language, or translate into English.")                                             \
    X(BEAM, 0, "beam", "N", NULL, "Beams of the search, 1 to 16. Default: 1, greedy.")             \
    X(BEST_OF, 0, "best-of", "N", NULL, "Candidates when sampling, 1 to 16. Default: 5.")          \
    X(TEMPERATURE, 0, "temperature", "T[,T...]", NULL,                                             \
      "Temperatures tried in turn; one value means no fallback. Default: 0,0.2,0.4,0.6,0.8,1.")    \
    X(PROMPT, 0, "prompt", "TEXT", NULL, "Text before the audio: names, spelling, style.")         \
    X(CONDITION, 0, "condition-on-previous", "yes|no", "yes|no",                                   \
      "Let each window see the text of the one before. Default: yes.")                             \
    X(VAD, 0, "vad", NULL, NULL, "Recognise speech alone: silence gives no text.")                 \
    X(WORD_TIMES, 'w', "word-times", NULL, NULL, "Start, end and probability of every word.")      \
    X(FORMAT, 'f', "format", "FORMAT",                                                             \
      "txt|json|verbose_json|srt|vtt|tsv|ctm|textgrid|srt_words|vtt_words|diarized_json|rttm",     \
      "Format of the transcript. Default: txt.")                                                   \
    X(OUTPUT, 'o', "output", "FILE|DIR", NULL,                                                     \
      "Write there instead of to stdout; into a folder as NAME.FORMAT.")                           \
    X(THREADS, 't', "threads", "N", NULL, "Compute threads. Default: the CPUs of this process.")   \
    X(WEIGHTS, 0, "weights", "TYPE", "f32|f16", "Type that weights are kept in. Default: f16.")    \
    X(MAX_DURATION, 0, "max-duration", "D", NULL, "Deadline of the run: 90, 10m, 1h30m.")          \
    X(CAP, 0, "cap", "NAME=VALUE", NULL,                                                           \
      "Limit; may be repeated: cpu_seconds, wall_seconds, peak_memory_bytes, audio_seconds, "      \
      "api_calls, cost_micros.")                                                                   \
    X(PRIORITY, 0, "priority", "P", NULL,                                                          \
      "Place in the queue: low, normal, high, urgent, or a number from 0 to 30.")                  \
    X(HOLD, 0, "hold", NULL, NULL, "Do not start it until `modellab run release`.")                \
    X(MAX_QUEUE, 0, "max-queue", "D", NULL, "Longest wait in the queue: 90, 10m, 1h30m; 0 = any.") \
    X(USER, 0, "user", "NAME", NULL, "Who the run is for.")                                        \
    X(PIPELINE, 0, "pipeline", "NAME", NULL, "Pipeline to run. Default: transcribe.")              \
    X(STEPS, 0, "steps", "STEP[,STEP...]", NULL,                                                   \
      "Steps to do instead of those of a pipeline; what they need is added.")                      \
    X(REQUEST, 0, "request", "FILE", NULL,                                                         \
      "A whole request as JSON; not with options that say the same. - = stdin.")                   \
    X(STATUS, 0, "status", "STATUS", "QUEUED|RUNNING|COMPLETED|FAILED|CANCELLED|TIMEOUT|STALE",    \
      "Only runs in this status.")                                                                 \
    X(LIMIT, 'n', "limit", "N", NULL, "At most so many. Default: 20.")                             \
    X(BEFORE, 0, "before", "ID", NULL, "Only runs older than this one, to page on.")               \
    X(TIMEOUT, 0, "timeout", "D", NULL, "Stop waiting after this time.")                           \
    X(ARTIFACT, 0, "artifact", "ID", NULL, "Write this artifact, by its id or name.")              \
    X(FOLLOW, 0, "follow", NULL, NULL, "Go on until the run has ended.")                           \
    X(WATCH, 0, "watch", NULL, NULL, "Go on until Ctrl-C, showing what changes.")                  \
    X(AFTER, 0, "after", "N", NULL, "Only events with a higher number.")                           \
    X(WORKERS, 0, "workers", "N", NULL, "Runs at the same time. Default: MODEL_LAB_MAX_WORKERS.")  \
    X(DRAIN, 0, "drain", "D", NULL,                                                                \
      "After SIGTERM or Ctrl-C let running work finish for so long. Default: 30s.")                \
    X(KEEP, 0, "keep-on-death", NULL, NULL, "Workers finish their run even if this program dies.") \
    X(SOURCE, 0, "source", "KIND", "hub|package|path", "Use only this kind of source.")            \
    X(EXAMPLE, 0, "example", NULL, NULL, "Print the text of .env.example.")                        \
    X(LEVEL, 0, "level", "LEVEL", "live|ready|deep", "How thorough to be. Default: ready.")        \
    X(DRY_RUN, 0, "dry-run", NULL, NULL, "Report only, change nothing.")                           \
    X(FILES, 0, "files", NULL, NULL, "Also all ended runs: manifests, artifacts, folders.")        \
    X(OPENMETRICS, 0, "openmetrics", NULL, NULL, "OpenMetrics instead of Prometheus text.")        \
    X(OLDER_THAN, 0, "older-than", "D", NULL, "Runs that ended longer ago: 30d, 12h.")             \
    X(KEEP_RUNS, 0, "keep-runs", "N", NULL, "All but the newest N runs.")                          \
    X(KEEP_BYTES, 0, "keep-bytes", "SIZE", NULL,                                                   \
      "The oldest runs while all together are larger: 20GiB.")                                     \
    X(ONLY, 0, "only", "WHAT", "runs|inputs|artifacts|leftovers",                                  \
      "Take only this away. Default: whole runs and leftovers.")                                   \
    X(WITHOUT_INPUT, 0, "without-input", NULL, NULL, "Leave the input out.")                       \
    X(OP, 0, "op", "OPERATOR", NULL,                                                               \
      "Prepare the audio: name(param=value, ...); may be repeated, applied in order.")             \
    X(NORMALIZER, 0, "normalizer", "NAME", "none|simple|basic|english",                            \
      "What texts may differ in without being wrong; basic and english are Whisper's. Default: "   \
      "none.")                                                                                     \
    X(COLLAR, 0, "collar", "SECONDS", NULL,                                                        \
      "Not scored around each border of the reference, half on each side; times: the tolerance.")  \
    X(SKIP_OVERLAP, 0, "skip-overlap", NULL, NULL, "Leave out where several speak at once.")       \
    X(UEM, 0, "uem", "FILE", NULL, "What is scored (UEM). Default: everything.")                   \
    X(LINES, 0, "lines", NULL, NULL, "Each line of the texts is a pair of its own.")               \
    X(ALIGNMENT, 0, "alignment", NULL, NULL, "With --json: what became of each word.")             \
    X(AGAINST, 0, "against", "FILE", NULL,                                                         \
      "Another hypothesis: tell whether the two differ (matched pairs).")                          \
    X(VOICE, 0, "voice", "NAME", NULL,                                                             \
      "Voice: a name of `modellab models list`, or the path of an .onnx. Default: "                \
      "piper-en_US-joe-medium.")                                                                   \
    X(AUDIO_FORMAT, 'f', "format", "FORMAT", "wav|flac|mp3|ogg|opus|raw",                          \
      "Format of the sound. Default: by the ending of the output.")                                \
    X(SPEED, 0, "speed", "X", NULL, "2 = twice as fast; 0.1 to 10. Default: 1.")                   \
    X(NOISE, 0, "noise", "X", NULL, "Variation of the voice. Default: the voice's own.")           \
    X(NOISE_W, 0, "noise-w", "X", NULL, "Variation of the durations. Default: the voice's own.")   \
    X(SPEAKER, 0, "speaker", "N", NULL, "Of voices with several: 0, 1, ...")                       \
    X(SEED, 0, "seed", "N", NULL, "Same seed, same bytes. Default: 0.")                            \
    X(RATE, 0, "rate", "HZ", NULL, "Samples a second. Default: the voice's own.")                  \
    X(IPA, 0, "ipa", NULL, NULL, "The text is IPA, a line an utterance: --g2p ipa.")               \
    X(G2P, 0, "g2p", "KIND", "lexicon|exec|ids|ipa",                                               \
      "Pronunciation: the dictionary; your own espeak-ng (MODEL_LAB_ESPEAK_NG, else that of "      \
      "PATH); or the text is phoneme ids or IPA. Default: lexicon.")                               \
    X(TEXT_FILE, 0, "text-file", "FILE", NULL, "Read the text there. - = stdin.")                  \
    X(SPEAKERS, 0, "speakers", "[N|MIN-MAX|auto]", NULL,                                           \
      "Who speaks: so many, or as many as are found.")                                             \
    X(ENROL, 0, "enrol", "NAME=FILE", NULL, "A voice that is known by name; may be repeated.")     \
    X(NAME, 0, "name", "NAME", NULL, "Name, for people.")                                          \
    X(SCOPES, 0, "scopes", "SCOPE[,SCOPE...]", NULL, "What the key may do.")                       \
    X(EXPIRES, 0, "expires", "D", NULL, "It is good for so long: 90d, 12h. Default: for ever.")    \
    X(EVENTS, 0, "events", "EVENT[,EVENT...]", NULL,                                               \
      "Types of events, such as run_completed. Default: all that end a run.")                      \
    X(OVERLAP, 0, "overlap", "D", NULL,                                                            \
      "The secret before stays good for so long, at most 30d. Default: not at all.")               \
    X(CSV, 0, "csv", NULL, NULL, "Comma-separated values.")                                        \
    X(MAN, 0, "man", NULL, NULL, "Print the manual page (roff).")

#define CLI_OPTION_ID_(id, letter, name, value, choices, text) CLI_OPT_##id,
typedef enum cli_option_id { CLI_OPTION_LIST(CLI_OPTION_ID_) CLI_OPT_COUNT } cli_option_id;
#undef CLI_OPTION_ID_

typedef struct cli_option {
    const char *name;
    const char *value;   /* NULL for a flag */
    const char *choices; /* NULL = free */
    const char *text;
    char letter; /* 0 = none */
} cli_option;

#define CLI_MAX_REPEAT 16

struct cli_call;

/* What an argument is, for completion. */
typedef enum cli_argument_kind { CLI_ARG_NONE, CLI_ARG_FILE, CLI_ARG_WORD } cli_argument_kind;

typedef struct cli_command {
    const char *name;                 /* "run list" */
    const char *arguments;            /* "FILE...", "" = none */
    int min_arguments, max_arguments; /* -1 = any number */
    cli_argument_kind argument_kind;
    const char *words; /* "bash|zsh|fish" when the argument is one of these, else NULL */
    int (*run)(struct cli_call *call);
    const char *summary;       /* one line */
    const char *text;          /* more, or NULL */
    const char *examples;      /* lines "command\tcomment\n" */
    unsigned char options[32]; /* cli_option_id + 1, 0 ends; --help and --json are everywhere */
} cli_command;

extern const cli_option cli_options[CLI_OPT_COUNT];
extern const cli_command cli_commands[];
extern const size_t cli_command_count;

bool cli_command_has(const cli_command *command, cli_option_id option);
/* The command that the words begin with; *used is the number of words it takes. */
const cli_command *cli_command_find(int count, const char *const *words, int *used);
/* The nearest command or option of `command` to a mistyped word, or NULL. */
const char *cli_suggest_command(const char *typed);
const char *cli_suggest_option(const cli_command *command, const char *typed);
/* The nearest of "a|b|c", copied to `out`; false when nothing is near. */
bool cli_suggest_choice(const char *choices, const char *typed, char *out, size_t room);

#endif
