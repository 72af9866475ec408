/* Rows of the table of commands that work on sound files in this process (command.c); their option
 * lists use its O(). */
#ifndef MLI_CLI_COMMAND_SOUND_H
#define MLI_CLI_COMMAND_SOUND_H

#define CLI_COMMAND_ALIGN                                                                          \
    {                                                                                              \
        "align", "AUDIO TEXT", 2, 2, CLI_ARG_FILE, NULL, cli_align,                                \
            "Find when each word of a text is said.",                                              \
            "TEXT is a file with what is said, or - for stdin. Every word gets a time; those "     \
            "that "                                                                                \
            "the audio does not hold share that of their neighbours. Formats: json (default), "    \
            "ctm, textgrid, srt and vtt by the word. Needs the models of --model and "             \
            "silero-vad-v6. The file is decoded in this process.",                                 \
            "modellab align talk.wav talk.txt --format textgrid -o talk.TextGrid\tfor Praat\n"     \
            "modellab align talk.wav talk.txt --format srt\ta cue for each word\n",                \
        {                                                                                          \
            O(MODEL), O(LANGUAGE), O(FORMAT), O(OUTPUT), O(THREADS), O(QUIET), 0                   \
        }                                                                                          \
    }

#define CLI_COMMAND_ENHANCE                                                                        \
    {                                                                                              \
        "enhance", "FILE", 0, 1, CLI_ARG_FILE, NULL, cli_enhance,                                  \
            "Prepare audio: loudness, silence, channels, rate, speed, noise.",                     \
            "Operators are applied in the order given. Without --output it only tells what they "  \
            "would do and found; without a file it lists the operators with their parameters. "    \
            "The format follows the ending of the output: .wav, .flac, .ogg, .opus, .mp3. The "    \
            "file is decoded in this process.",                                                    \
            "modellab enhance\tthe operators\n"                                                    \
            "modellab enhance talk.wav -o talk.flac --op normalize_loudness\tEBU R 128\n"          \
            "modellab enhance call.wav -o left.wav --op 'extract_channel(channel=0)' --op "        \
            "'high_pass(cutoff_hz=100)'\t\n"                                                       \
            "modellab enhance talk.ogg --op trim_silence --json\thow much silence there is\n",     \
        {                                                                                          \
            O(OP), O(OUTPUT), O(QUIET), 0                                                          \
        }                                                                                          \
    }

#endif
