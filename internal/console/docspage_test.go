package console

import (
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// Every value of the document stays text, wherever it stands.
func TestThePageOfTheAPIQuotesTheDocument(t *testing.T) {
	const evil = `"><script>'&§`
	field := docsField{Name: evil, In: evil, Type: evil, Doc: evil, Required: true}
	var p docsPage
	p.write(&huma.Info{Title: evil, Version: evil, Description: evil}, []*docsTag{{Name: evil, Operations: []docsOperation{{
		ID: evil, Method: evil, Path: evil, Summary: evil, Description: evil, Open: true, Params: []docsField{field}, Body: []docsField{field},
		Answers: []docsAnswer{{Status: evil, Description: evil}, {Status: evil, Schema: evil}},
	}}}}, []docsSchema{{Name: evil, Fields: []docsField{field}}})
	page := p.String()
	if strings.Contains(page, "<script") || strings.Contains(page, evil) {
		t.Errorf("a value became markup:\n%s", page)
	}
	if got := strings.Count(page, "&#34;&gt;&lt;script&gt;&#39;&amp;§"); got != 32 {
		t.Errorf("the page holds %d values, want 32", got)
	}
}
