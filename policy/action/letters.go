package action

import (
	"strings"
	"unicode"
)

// latin are the letters of ASCII that those of Latin-1 and Latin Extended-A (U+00C0 to U+017F) come from; . where they come from none.
const latin = "aaaaaaaceeeeiiiidnooooo.ouuuuyts" + "aaaaaaaceeeeiiiidnooooo.ouuuuyty" +
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllllllln" + "nnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"

// PlainLetters gives a name in the letters and digits that databases take its characters for which compare without accents and widths
// (MySQL's collations, ICU's primary strength) or bring text into its compatible form (Unicode's NFKC): secret for sécret and ｓｅｃｒｅｔ.
// Whatever is not of that kind stays.
func PlainLetters(name string) string {
	if isASCII(name) {
		return name
	}
	return strings.Map(plainLetter, name)
}

// Loose is a name as those servers have it that tell neither accents nor widths, take a plus for a space, and drop what Bare leaves out.
func Loose(name string) string { return Bare(PlainLetters(strings.ReplaceAll(name, "+", " "))) }

// Reread is what is left of a decoded name where a server reads it as a part of an address once more: ? and # and ; end it.
func Reread(name string) string {
	if i := strings.IndexAny(name, "?#;"); i > 0 {
		return name[:i]
	}
	return name
}

// wordBytes has the letters and digits of ASCII, - and _, as sets of 64 bits.
var wordBytes = [4]uint64{1<<'-' | (1<<10-1)<<'0', 1<<('_'-64) | (1<<26-1)<<('A'-64) | (1<<26-1)<<('a'-64)}

// isPlainWord says whether a name is one that every server reads alike, as nearly all are.
func isPlainWord(name string) bool {
	plain := uint64(1)
	for i := 0; i < len(name); i++ {
		plain &= wordBytes[name[i]>>6] >> (name[i] & 63)
	}
	return plain == 1
}

func plainLetter(r rune) rune {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Cf): // accents that stand behind their letter, what cannot be seen
		return -1
	case r >= 0xc0 && r < 0x180:
		if c := latin[r-0xc0]; c != '.' {
			return rune(c)
		}
	case r == '\u212a': // the sign for kelvin
		return 'k'
	case r >= '\u24b6' && r <= '\u24e9': // in circles
		return 'a' + (r-'\u24b6')%26
	case r > '\uff00' && r < '\uff5f': // of full width
		return r - 0xff01 + '!'
	case r >= 0x1d400 && r < 0x1d6a4: // of formulas
		return 'a' + (r-0x1d400)%26
	case r >= 0x1d7ce && r < 0x1d800:
		return '0' + (r-0x1d7ce)%10
	}
	return r
}
