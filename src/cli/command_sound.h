/* Rows of the table of commands that work on sound files in this process (command.c); their option
 * lists use its O(). */
#ifndef MLI_CLI_COMMAND_SOUND_H
#define MLI_CLI_COMMAND_SOUND_H

#define CLI_COMMAND_DIARIZE                                                                        \
    {                                                                                              \
        "diarize", "FILE", 1, 1, CLI_ARG_FILE, NULL, cli_diarize, "Find out who speaks when.",     \
            "The turns go to stdout as RTTM, or as JSON. Say how many speakers there are where "   \
            "you know it: alike voices are often taken for one. A voice of --enrol gives its "     \
            "name to the speaker that it fits. The file is decoded in this process.",              \
            "modellab diarize meeting.flac --speakers 3\tthree people\n"                           \
            "modellab diarize meeting.flac --speakers 2-5 --format json -o turns.json\t\n"         \
            "modellab diarize call.wav --enrol Ann=ann.wav --enrol Bob=bob.wav\tby name\n",        \
        {                                                                                          \
            O(SPEAKERS), O(ENROL), O(FORMAT), O(OUTPUT), O(THREADS), O(QUIET), 0                   \
        }                                                                                          \
    }

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

#define CLI_COMMAND_SPEAK                                                                          \
    {                                                                                              \
        "speak", "TEXT", 0, 1, CLI_ARG_WORD, NULL, cli_speak, "Turn text into speech.",            \
            "Numbers, dates, money, abbreviations and addresses are said in words. Words are "     \
            "pronounced by the dictionary `cmudict`, others by letter-to-sound rules. The same "   \
            "text, options and seed give the same bytes. With `-o -` raw samples (16 bits, one "   \
            "channel) go to stdout while they are made. --json tells when each word and each "     \
            "phoneme is heard. Works in this process.",                                            \
            "modellab speak \"Hello, world!\" -o hello.wav\t\n"                                    \
            "modellab speak --text-file letter.txt -o letter.mp3 --speed 1.2\t\n"                  \
            "modellab speak \"Dr. Smith paid $3.50.\" -o a.wav --json\twords with their times\n"   \
            "date | modellab speak - -o - | aplay -r 22050 -f S16_LE\twhile it is made\n"          \
            "modellab speak --ipa \"h\u0259l\u02c8o\u028a\" -o hello.flac\t\n"                     \
            "modellab speak --text-file letter.txt -o letter.wav --g2p exec\tby your espeak-ng\n", \
        {                                                                                          \
            O(OUTPUT), O(AUDIO_FORMAT), O(VOICE), O(SPEED), O(NOISE), O(NOISE_W), O(SPEAKER),      \
                O(SEED), O(RATE), O(IPA), O(G2P), O(TEXT_FILE), O(THREADS), O(QUIET), 0            \
        }                                                                                          \
    }

#endif
