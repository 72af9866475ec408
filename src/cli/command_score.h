/* The rows of `modellab score ...` in the table of commands: included there, in its array, once.
 * They differ in their metric, text and options only. */
#define SCORE(metric, summary, text, example, ...)                                                 \
    {                                                                                              \
        "score " metric, "REF HYP...", 2, -1, CLI_ARG_FILE, NULL, cli_score, summary, text,        \
            "modellab score " metric " " example,                                                  \
        {                                                                                          \
            __VA_ARGS__, 0                                                                         \
        }                                                                                          \
    }
#define SCORE_FILES                                                                                \
    "Files are txt, json, srt, vtt, tsv, ctm, stm or rttm, by extension or by their look; more "   \
    "pairs may follow, and rates are those of the sums. "

SCORE("wer", "Word error rate of a text against a reference.",
      SCORE_FILES "Also MER, WIL and WIP. Counts are those of jiwer.",
      "ref.txt hyp.srt --normalizer simple\t\n"
      "modellab score wer ref.txt a.txt --against b.txt\tis a better than b?\n"
      "modellab score wer ref.txt hyp.txt --json --alignment\tword by word\n",
      O(NORMALIZER), O(LINES), O(ALIGNMENT), O(AGAINST)),
    SCORE("cer", "Character error rate of a text against a reference.", SCORE_FILES,
          "ref.txt hyp.txt\t\n", O(NORMALIZER), O(LINES)),
    SCORE("cpwer", "Word error rate with speakers.",
          SCORE_FILES
          "Each speaker's words in a row, the pairing of speakers with the fewest errors.",
          "ref.stm hyp.json\t\n", O(NORMALIZER)),
    SCORE("der", "Diarization error rate of turns against a reference.",
          SCORE_FILES "Also JER, purity and coverage. The numbers are those of pyannote.metrics.",
          "ref.rttm hyp.rttm --collar 0.25 --skip-overlap\t\n", O(COLLAR), O(SKIP_OVERLAP), O(UEM)),
    SCORE("jer", "Jaccard error rate of turns against a reference.", SCORE_FILES,
          "ref.rttm hyp.rttm --uem part.uem\t\n", O(COLLAR), O(SKIP_OVERLAP), O(UEM)),
    SCORE("vad", "Detection error rate: speech or not.", SCORE_FILES,
          "ref.rttm hyp.srt --collar 0.1\t\n", O(COLLAR), O(SKIP_OVERLAP), O(UEM)),
    SCORE("times", "How far the times of words are off.",
          SCORE_FILES "Of the words that are right, in files with word times.",
          "ref.ctm hyp.json --collar 0.2 --normalizer simple\t\n", O(NORMALIZER), O(COLLAR)),
