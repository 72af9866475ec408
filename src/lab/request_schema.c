/* The JSON Schema of a run request (2020-12; the keywords that src/check knows). */
#include "lab/request.h"
#include "lab/step_schemas.h"

#define PLACE(step) "\"" #step "\":{\"$ref\":\"#/$defs/" #step "\"}"
#define OPTIONS(step) "\"" #step "\":" MLI_SCHEMA_##step

/* In parts: compilers need not take literals longer than 4095 bytes. In `config` each step has its
 * place, and its options stand among the definitions. */
#define HEAD                                                                                       \
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","                               \
    "\"title\":\"Request of a run\",\"type\":\"object\",\"additionalProperties\":false,"           \
    "\"properties\":{"                                                                             \
    "\"schema_version\":{\"const\":1,\"description\":\"Version of this contract.\"},"              \
    "\"pipeline\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,"                          \
    "\"description\":\"Name of a built-in pipeline. Default: transcribe.\"},"                      \
    "\"steps\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"uniqueItems\":true,"           \
    "\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"                            \
    "\"description\":\"Steps instead of a pipeline; what they need is added.\"},"                  \
    "\"user\":{\"type\":\"string\",\"maxLength\":128},"                                            \
    "\"priority\":{\"anyOf\":[{\"enum\":[\"low\",\"normal\",\"high\",\"urgent\"]},"                \
    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":30}],\"default\":\"normal\"},"                \
    "\"preprocessing\":" MLI_SCHEMA_OPERATORS ","                                                  \
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" PLACE(asr)

#define REST                                                                                       \
    "}},\"requested_config\":{\"type\":\"object\",\"description\":\"What an accepted request "     \
    "that "                                                                                        \
    "is submitted again was made of; kept for the record.\"},"                                     \
    "\"max_duration_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":604800},"    \
    "\"max_step_seconds\":{\"anyOf\":[{\"$ref\":\"#/$defs/seconds\"},{\"type\":\"object\","        \
    "\"additionalProperties\":{\"$ref\":\"#/$defs/seconds\"}}],"                                   \
    "\"description\":\"Deadline of each step, or of steps by their names.\"},"                     \
    "\"stall_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":604800,"                     \
    "\"description\":\"Longest time without progress; 0 = any.\"},"                                \
    "\"cancel_grace_seconds\":{\"$ref\":\"#/$defs/grace\"},"                                       \
    "\"kill_grace_seconds\":{\"$ref\":\"#/$defs/grace\"},"                                         \
    "\"max_queue_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":2592000,"                \
    "\"description\":\"Longest wait in the queue; 0 = none. Default: as configured.\"},"           \
    "\"hold\":{\"type\":\"boolean\",\"default\":false,"                                            \
    "\"description\":\"Do not start it until it is released.\"},"                                  \
    "\"max_attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20,"                         \
    "\"description\":\"Short for retry.max_attempts.\"},"                                          \
    "\"require_sandbox\":{\"type\":\"boolean\",\"default\":false,"                                 \
    "\"description\":\"Fail rather than run in a worker that is not confined in full.\"},"         \
    "\"retry\":{\"$ref\":\"#/$defs/retry\"},"                                                      \
    "\"caps\":{\"$ref\":\"#/$defs/caps\"},"                                                        \
    "\"admission\":{\"enum\":[\"expected\",\"safe\"],\"default\":\"expected\","                    \
    "\"description\":\"Which figure of the estimate must have room under the caps: the expected "  \
    "one, or the upper bound.\"},"                                                                 \
    "\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\","               \
    "\"maxLength\":256},\"description\":\"Kept with the run, at most 64.\"},"                      \
    "\"idempotency_key\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":128,"                  \
    "\"description\":\"The same user's second request with this key gives the first run.\"}},"

#define DEFINITIONS                                                                                \
    "\"$defs\":{\"seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":604800},"      \
    "\"grace\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":3600},"                     \
    "\"retry\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"               \
    "\"max_attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20,"                         \
    "\"description\":\"Tries in all.\"},"                                                          \
    "\"base_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":86400},"                      \
    "\"cap_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":86400},"                       \
    "\"on\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,\"uniqueItems\":true,"              \
    "\"items\":{\"enum\":[\"host_stopped\",\"run_timeout\",\"step_timeout\",\"stall_timeout\","    \
    "\"worker_died\",\"worker_not_started\",\"worker_lost\",\"oom\",\"no_space\",\"io_error\","    \
    "\"network_error\"]},\"description\":\"Reasons after which it is tried again.\"}}},"           \
    "\"caps\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                \
    "\"cpu_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0},"                                \
    "\"wall_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0},"                               \
    "\"audio_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0},"                              \
    "\"peak_memory_bytes\":{\"type\":\"integer\",\"minimum\":1},"                                  \
    "\"api_calls\":{\"type\":\"integer\",\"minimum\":0},"                                          \
    "\"cost_micros\":{\"type\":\"integer\",\"minimum\":1}}}," OPTIONS(asr)

#define END "}}"

#define PLACE_ROOM(step) char place_##step[sizeof("," PLACE(step)) - 1];
#define PLACE_TEXT(step) "," PLACE(step),
#define OPTIONS_ROOM(step) char options_##step[sizeof("," OPTIONS(step)) - 1];
#define OPTIONS_TEXT(step) "," OPTIONS(step),

/* One text: no member but the last has a NUL. Step asr stands in the parts, the others follow it
 * with a comma each. */
static const struct {
    char head[sizeof(HEAD) - 1];
    MLI_STEP_SCHEMAS(PLACE_ROOM)
    char rest[sizeof(REST) - 1];
    char definitions[sizeof(DEFINITIONS) - 1];
    MLI_STEP_SCHEMAS(OPTIONS_ROOM)
    char end[sizeof(END)];
} schema = {HEAD, MLI_STEP_SCHEMAS(PLACE_TEXT) REST, DEFINITIONS,
            MLI_STEP_SCHEMAS(OPTIONS_TEXT) END};

const char *mli_request_schema(void)
{
    return (const char *)&schema;
}
