/* Comparison of doubles and floats alike. */
#ifndef TESTS_UNIT_SPEECH_NEAR_H
#define TESTS_UNIT_SPEECH_NEAR_H

#include <math.h>

#define assert_near(a, b, within) assert_true(fabs((double)(a) - (double)(b)) <= (double)(within))

#endif
