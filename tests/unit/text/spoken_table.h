/* Written, said. <> = letters by name. */
/* plain words */
{"Hello, world!", "hello, world!"},
    {"It's a well-known fact; isn't it?", "it's a well known fact; isn't it?"},
    {"\xe2\x80\x9cYes,\xe2\x80\x9d he said (quietly) \xe2\x80\x94 then left.",
     "yes, he said, quietly, then left."},
    {"Wait... what?", "wait, what?"},
    {"Na\xc3\xafve caf\xc3\xa9s \xe2\x9c\x93 \xe6\x97\xa5", "naive cafes."},
    {"and/or he/she", "and slash or he slash she."},
    /* cardinals */
    {"0 1 12 20 21 99 100 101 115", "zero one twelve twenty twenty one ninety nine one hundred one "
                                    "hundred one one hundred fifteen."},
    {"1,000 and 1,234,567",
     "one thousand and one million two hundred thirty four thousand five hundred sixty seven."},
    {"2,000,000,000", "two billion."}, {"-5 and +7", "minus five and plus seven."},
    {"007", "zero zero seven."}, {"12345", "twelve thousand three hundred forty five."},
    {"98765432109876543210987", "nine eight seven six five four three two one zero nine eight "
                                "seven six five four three two one zero nine eight seven."},
    /* decimals */
    {"3.14 0.5 .25 1,234.5", "three point one four zero point five point two five one thousand two "
                             "hundred thirty four point five."},
    /* ordinals */
    {"1st 2nd 3rd 4th 12th 20th 21st 100th 1,000th",
     "first second third fourth twelfth twentieth twenty first one hundredth one thousandth."},
    /* fractions */
    {"1/2 3/4 2/3 5/8", "one half three quarters two thirds five eighths."},
    {"3 1/2 cups and 2 3/4 pints", "three and a half cups and two and three quarters pints."},
    {"\xc2\xbd cup, 1\xc2\xbd cups", "one half cup, one and a half cups."},
    {"24/7", "twenty four seven."},
    /* years and decades */
    {"in 1999, 2005, 2024 and 1066",
     "in nineteen ninety nine, two thousand five, twenty twenty four and one thousand sixty six."},
    {"1905 1500 1900 2000", "nineteen oh five fifteen hundred nineteen hundred two thousand."},
    {"the 1990s and the '80s", "the nineteen nineties and the eighties."},
    {"1939-1945", "nineteen thirty nine to nineteen forty five."},
    /* dates */
    {"On Jan. 5, 2024 it", "on january fifth, twenty twenty four it."},
    {"July 4th and 5 May 1990", "july fourth and the fifth of may nineteen ninety."},
    {"2024-01-05 or 12/25/2023 or 3/4/07", "january fifth twenty twenty four or december twenty "
                                           "fifth twenty twenty three or march fourth oh seven."},
    {"March 2020", "march twenty twenty."}, {"I may go in May.", "i may go in may."},
    /* times */
    {"at 10:30 a.m. or 5pm", "at ten thirty <am> or five <pm>."},
    {"10:05, 12:00, 14:00 and 7:00 PM",
     "ten oh five, twelve o'clock, fourteen hundred and seven <pm>."},
    {"1:02:03", "one oh two and three seconds."},
    {"The odds are 3:1.", "the odds are three to one."},
    /* money */
    {"$5 $1 $3.50 $0.99 $1,000 $1.01",
     "five dollars one dollar three dollars and fifty cents ninety nine cents one thousand dollars "
     "one dollar and one cent."},
    {"$3.5 million and $2bn and $5k",
     "three point five million dollars and two billion dollars and five thousand dollars."},
    {"\xe2\x82\xac"
     "20, \xc2\xa3"
     "3.20, \xc2\xa5"
     "500, 20\xe2\x82\xac",
     "twenty euros, three pounds and twenty pence, five hundred yen, twenty euros."},
    {"-$5, US$7 and 50 USD", "minus five dollars, seven dollars and fifty us dollars."},
    {"$5-10", "five to ten dollars."},
    /* percent */
    {"50% of 3.5 % and 10-20%",
     "fifty percent of three point five percent and ten to twenty percent."},
    /* units */
    {"5 km, 1 km, 3kg, 6 ft 2 in.",
     "five kilometers, one kilometer, three kilograms, six feet two inches."},
    {"70\xc2\xb0"
     "F and 20 \xc2\xb0"
     "C",
     "seventy degrees fahrenheit and twenty degrees celsius."},
    {"60 mph, 16GB, 2.4 GHz, 100 m\xc2\xb2", "sixty miles per hour, sixteen gigabytes, two point "
                                             "four gigahertz, one hundred square meters."},
    {"5 in the box, 3 a day", "five in the box, three a day."},
    {"3x faster, 10K users", "three times faster, ten thousand users."},
    /* telephone numbers and digit strings */
    {"Call (555) 123-4567 now", "call, five five five, one two three, four five six seven now."},
    {"555-0199 or 1-800-555-0100", "five five five, zero one nine nine or one, eight hundred, five "
                                   "five five, zero one zero zero."},
    {"+14155550123", "plus one four one five five five five zero one two three."},
    {"pin 1234567890", "pin one two three four five six seven eight nine zero."},
    /* ranges, numbers with a sign */
    {"pages 5-10, #7", "pages five to ten, number seven."},
    /* roman numerals */
    {"World War II, Henry VIII and Chapter IV",
     "world war two, henry the eighth and chapter four."},
    {"Louis XIV met Pope John XXIII", "louis the fourteenth met pope john the twenty third."},
    {"I did it for me; vitamin C, X marks", "i did it for me; vitamin <c>, <x> marks."},
    {"Rocky III", "rocky three."},
    /* abbreviations */
    {"Dr. Smith lives on Elm St. with Mrs. Jones",
     "doctor smith lives on elm street with missus jones."},
    {"St. Mary's, 5 Oak Dr., Mt. Everest", "saint mary's, five oak drive, mount everest."},
    {"e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."},
    {"Smith vs. Jones, No. 5, no. he", "smith versus jones, number five, no he."},
    {"Acme Inc. and Foo Corp.", "acme incorporated and foo corporation."},
    {"Fig. 3, p. 12, vol. 2", "figure three, page twelve, volume two."},
    {"AT&T & Co.", "<at> and <t> and company."}, {"w/ milk", "with milk."},
    /* acronyms */
    {"The FBI and NASA said OK.", "the <fbi> and nasa said okay."},
    {"FBI's CEOs", "<fbi's> <ceo's>."},
    {"The U.S. and the U.K. agree", "the <us> and the <uk> agree."},
    {"J. R. R. Tolkien", "<j> <r> <r> tolkien."}, {"I do NOT know", "i do not know."},
    {"THIS IS ALL CAPITALS", "this is all capitals."},
    /* letters with digits */
    {"MP3, B2B, H2O, F-16, covid-19, A380", "<mp> three, <b> two <b>, <h> two <o>, <f> sixteen, "
                                            "covid nineteen, <a> three hundred eighty."},
    {"ChatGPT, iPhone 15, YouTube, v2.0",
     "chat <gpt>, iphone fifteen, you tube, <v> two point zero."},
    /* addresses */
    {"Visit https://www.example.com/a-b today",
     "visit <www> dot example dot com slash a dash <b> today."},
    {"mail john.doe@example.org.", "mail john dot doe at example dot org."},
    {"example.com, @user_1 and #hashtag",
     "example dot com, at user underscore one and hashtag hashtag."},
    {"open file.txt", "open file dot <txt>."},
    /* symbols */
    {"2 + 2 = 4, 5 > 3", "two plus two equals four, five greater than three."},
    {"\xc2\xa7 5, 3 \xc3\x97 4, \xc2\xb1 2", "section five, three times four, plus or minus two."},
    {"*** --- ???", ""},
