// The peer of bench_log: spdlog with a JSON pattern. It checks and escapes nothing, limits no rate
// and looks for no duplicate keys; what it writes of the bench's values is the same line.
#include "bench/bench_log_peer.h"
#include <atomic>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <string>

namespace
{

// Formats like every sink of the peer, and keeps nothing (its own null sink does not format).
class memory_sink final : public spdlog::sinks::base_sink<std::mutex>
{
  public:
    uint64_t bytes = 0;

  protected:
    void sink_it_(const spdlog::details::log_msg &msg) override
    {
        spdlog::memory_buf_t line;
        formatter_->format(msg, line);
        bytes += line.size() - 1;
    }
    void flush_() override
    {
    }
};

const char pattern[] = R"({"ts":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})";

} // namespace

struct bench_peer {
    std::shared_ptr<memory_sink> memory;
    std::unique_ptr<spdlog::logger> logger;
    std::string run_id, request_id, trace_id, span_id;
    int pid;
    std::atomic<int64_t> seq{0};
};

bench_peer *bench_peer_create(const char *file, int flush_each, const bench_ids *ids)
{
    try {
        auto peer = std::make_unique<bench_peer>();
        spdlog::sink_ptr sink;
        if (file != nullptr) {
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
        } else {
            peer->memory = std::make_shared<memory_sink>();
            sink = peer->memory;
        }
        peer->logger = std::make_unique<spdlog::logger>("bench", sink);
        peer->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
            pattern, spdlog::pattern_time_type::utc, "\n"));
        if (flush_each != 0)
            peer->logger->flush_on(spdlog::level::info);
        peer->run_id = ids->run_id;
        peer->request_id = ids->request_id;
        peer->trace_id = ids->trace_id;
        peer->span_id = ids->span_id;
        peer->pid = spdlog::details::os::pid();
        return peer.release();
    } catch (const std::exception &e) {
        std::fprintf(stderr, "spdlog: %s\n", e.what());
        return nullptr;
    }
}

void bench_peer_log(bench_peer *peer, const char *event, const char *message, const char *step,
                    const char *model, int64_t segments, double audio_seconds, int cached)
{
    peer->logger->info(
        R"("event":"{}","msg":"{}","run_id":"{}","request_id":"{}","trace_id":"{}","span_id":"{}",)"
        R"("sev":{},"pid":{},"seq":{},"step":"{}","model":"{}","segments":{},"audio_seconds":{},)"
        R"("cached":{})",
        event, message, peer->run_id, peer->request_id, peer->trace_id, peer->span_id, 9, peer->pid,
        peer->seq.fetch_add(1, std::memory_order_relaxed) + 1, step, model, segments, audio_seconds,
        cached != 0);
}

uint64_t bench_peer_bytes(const bench_peer *peer)
{
    return peer->memory != nullptr ? peer->memory->bytes : 0;
}

void bench_peer_destroy(bench_peer *peer)
{
    delete peer;
}

const char *bench_peer_name(void)
{
    static const std::string name = "spdlog " + std::to_string(SPDLOG_VER_MAJOR) + "." +
                                    std::to_string(SPDLOG_VER_MINOR) + "." +
                                    std::to_string(SPDLOG_VER_PATCH);
    return name.c_str();
}
