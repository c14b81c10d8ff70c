package console

import (
	"html"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// docsPage writes HTML. It stands in for html/template, which calls methods by
// name and so makes the linker keep every method of every type.
type docsPage struct{ strings.Builder }

// put writes markup; each § in it is the next of values, escaped for text and
// for quoted attributes. Markup is constant: what comes from the document is a
// value, and an address begins with a constant.
func (p *docsPage) put(markup string, values ...string) {
	for i, part := range strings.Split(markup, "§") {
		if i > 0 {
			p.WriteString(html.EscapeString(values[i-1]))
		}
		p.WriteString(part)
	}
}

func (p *docsPage) write(info *huma.Info, tags []*docsTag, schemas []docsSchema) {
	p.put(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>§ API</title>
<link rel="stylesheet" href="/api/docs.css">
</head>
<body>
<nav aria-label="Contents">
<p><strong>§</strong><br>§</p>
<ul>`, info.Title, info.Title, info.Version)
	for _, t := range tags {
		p.put("\n"+`<li><a href="#tag-§">§</a></li>`, t.Name, t.Name)
	}
	p.put(`
<li><a href="#schemas">schemas</a></li>
<li><a href="/api/openapi.json">openapi.json</a></li>
</ul>
</nav>
<main>
<h1>§</h1>
<p>§</p>
`, info.Title, info.Description)
	for _, t := range tags {
		p.put("\n"+`<section id="tag-§">`+"\n<h2>§</h2>\n", t.Name, t.Name)
		for _, o := range t.Operations {
			p.operation(o)
		}
		p.put("\n</section>\n")
	}
	p.put("\n" + `<section id="schemas">` + "\n<h2>schemas</h2>\n")
	for _, s := range schemas {
		p.put("\n"+`<article id="schema-§">`+"\n<h3><code>§</code></h3>\n", s.Name, s.Name)
		p.fields("", "field", s.Fields)
		p.put("\n</article>\n")
	}
	p.put("\n</section>\n</main>\n</body>\n</html>\n")
}

func (p *docsPage) operation(o docsOperation) {
	p.put("\n"+`<article id="§">`+"\n"+`<h3><span class="method §">§</span> <code>§</code>`, o.ID, o.Method, o.Method, o.Path)
	if o.Open {
		p.put(` <span class="open">open</span>`)
	}
	p.put("</h3>\n<p>§.", o.Summary)
	if o.Description != "" {
		p.put(" §", o.Description)
	}
	p.put("</p>\n")
	if len(o.Params) > 0 {
		p.fields("Parameters", "name", o.Params)
	}
	p.put("\n")
	if len(o.Body) > 0 {
		p.fields("Body", "field", o.Body)
	}
	p.put("\n" + `<p class="answers">`)
	for _, a := range o.Answers {
		p.put("<span><b>§</b> ", a.Status)
		if a.Schema != "" {
			p.put(`<a href="#schema-§">§</a>`, a.Schema, a.Schema)
		} else {
			p.put("§", a.Description)
		}
		p.put("</span>")
	}
	p.put("</p>\n</article>\n")
}

// fields is a table; parameters tell also where they stand.
func (p *docsPage) fields(caption, first string, fields []docsField) {
	in := first == "name"
	p.put("<table>")
	if caption != "" {
		p.put("<caption>§</caption>", caption)
	}
	p.put("<thead><tr><th>§</th>", first)
	if in {
		p.put("<th>in</th>")
	}
	p.put("<th>type</th><th></th></tr></thead><tbody>\n")
	for _, f := range fields {
		p.put("<tr><td><code>§</code>", f.Name)
		if f.Required {
			p.put(" *")
		}
		p.put("</td>")
		if in {
			p.put("<td>§</td>", f.In)
		}
		p.put("<td>§</td><td>§</td></tr>\n", f.Type, f.Doc)
	}
	p.put("</tbody></table>")
}
