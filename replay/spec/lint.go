package spec

import (
	"slices"
	"strings"
	"unicode"

	"github.com/stet-db/stet/replay/tick"
)

// The words that names of events are judged by.
var (
	// commands begin what somebody wants. Words that are also participles
	// (set, put, read, cut) are left out, but for set and put in front.
	commands = words(`accept activate add allocate approve archive assign attach begin block book buy calculate
		cancel change charge check checkout clear close collect commit complete confirm copy create deactivate
		decline decrease deliver deny deposit destroy disable do edit enable enroll execute expire fetch finish fix
		generate get give grant handle import increase invite invoice issue join leave list load lock log login
		logout make mark merge modify move notify open order pay perform pick place post print process
		promote publish purchase put reject release remove rename renew reopen replace request reserve reset
		resolve restore return revoke run schedule sell send set ship sign start stop submit subscribe suspend
		sync take transfer trigger unblock unlock unsubscribe upgrade upload use validate verify view
		withdraw write`)
	// technical words tell what happened to a row, not what happened.
	technical = words(`column crud data database db delete deleted entity entry field insert inserted merge modified
		modify object patch patched put record row save saved sql sync synced table update updated upsert upserted
		value write written`)
	// participles are those that do not end in -ed.
	participles = words(`begun bought broken brought built chosen done drawn driven fallen found given gone grown held
		hidden kept known left lent lost made met paid put read run seen sent set shown shut sold spent split stolen
		sworn taken thrown told understood withdrawn won written`)
	// fillers are no words of their own.
	fillers = words("a an the was were is are be been being has have had got")
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// lintName warns about names that tell no fact.
func (r *reader) lintName(name, path string) {
	var telling []string
	parts := split(name)
	for _, word := range parts {
		if !fillers[word] {
			telling = append(telling, word)
		}
	}
	switch {
	case len(telling) == 0:
	case allTechnical(telling):
		r.warn(path, "is a technical name: it tells what happened to a row; say what happened in the business, as in had_email_changed")
	case commands[parts[0]] && !slices.ContainsFunc(parts[1:], past):
		r.warn(path, "reads like a command; an event has happened already, so name it in the past tense, as in was_created or had_item_added")
	}
}

func allTechnical(all []string) bool {
	for _, word := range all {
		if !technical[word] {
			return false
		}
	}
	// A thing that was deleted is a fact for people too.
	return len(all) > 1 || all[0] != "deleted"
}

// past tells words that say that something has happened.
func past(word string) bool { return strings.HasSuffix(word, "ed") || participles[word] }

// split gives the words of was_created, UserCreated and HTTPCalled in lower
// case.
func split(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	runes := []rune(name)
	for i, c := range runes {
		switch {
		case !unicode.IsLetter(c):
			flush()
			continue
		case unicode.IsUpper(c) && i > 0:
			lowerBefore := unicode.IsLower(runes[i-1])
			lowerAfter := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if lowerBefore || lowerAfter {
				flush()
			}
		}
		word = append(word, c)
	}
	flush()
	return out
}

// lintReads warns about data that a handler needs and events may lack.
func (r *reader) lintReads(e *Event, reads []tick.Read) {
	for _, read := range reads {
		if read.Optional || len(read.Path) == 0 {
			continue
		}
		path := "$.data." + strings.Join(read.Path, ".")
		switch {
		case e.schema == nil:
			r.warn(read.Place(), "%s may be missing: there is no schema that requires it", path)
		case !e.schema.root.requires(read.Path, 0):
			r.warn(read.Place(), "%s may be missing: the schema does not require it", path)
		}
	}
}

func (r *reader) lintTemplate(e *Event, t *tick.Template) {
	if t != nil {
		r.lintReads(e, t.Reads())
	}
}
