package scenarios

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"authbench/results"
	"authbench/targets/contract"
)

//go:embed csrf_attacker.js
var attackerScript string

//go:embed csrf_shop.js
var shopScript string

// lure is what a page of the attacker is to send.
type lure struct {
	N      int    `json:"n"`
	Name   string `json:"name"`
	Change string `json:"change"` // URL
	Use    string `json:"use"`
	Method string `json:"method"` // of the change
	Body   string `json:"body"`
}

// scripted is a page with a script and what that is told.
func scripted(w http.ResponseWriter, name string, told any, script string) {
	b, err := json.Marshal(told) // escapes what could end the script
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, "<!DOCTYPE html><meta charset=utf-8><title>%s</title><link rel=icon href=data:,><body><script>\nconst %[1]s = %s;\n%s</script>", name, b, script)
}

// forge has the next page of the attacker send that to a shop.
func (f *csrfFront) forge(n int, name, shop string) {
	_, change := f.path(f.c.Revoke)
	_, use := f.path(&f.c.Use)
	req, _ := f.c.Render(f.c.Revoke, f.client.Host, f.vars())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shape = lure{n, name, "https://" + shop + change, "https://" + shop + use, f.c.Revoke.Method, string(req.Body)}
}

func (f *csrfFront) attackPage(w http.ResponseWriter) {
	f.mu.Lock()
	shape := f.shape
	f.mu.Unlock()
	scripted(w, "forged", shape, attackerScript)
}

// shopPage is what a page of the shop's own is told.
type shopPage struct {
	N      int               `json:"n"`
	Page   string            `json:"page"`
	Stored map[string]string `json:"stored"`
	Marks  map[string]string `json:"marks"` // what stands in the requests for what is stored
	Use    shopRequest       `json:"use"`
	Change shopRequest       `json:"change"`
	Loot   string            `json:"loot"`
}

type shopRequest struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func (f *csrfFront) ownPage(w http.ResponseWriter, r *http.Request, name string) {
	switch name {
	case "report":
		f.reported(r)
	case "look": // without a script: what the browser attaches when it is opened
		f.tell(report{N: pageNumber(r), Read: strings.Join(r.Header["Cookie"], "; ")})
	case "enter", "own", "injected":
		if name == "enter" {
			f.mu.Lock()
			for _, line := range f.lines {
				w.Header().Add("Set-Cookie", f.alter(line))
			}
			f.mu.Unlock()
		}
		page, err := f.shopPage(pageNumber(r), name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		scripted(w, "shop", page, shopScript)
	default:
		http.NotFound(w, r)
	}
}

// shopPage is a page of the user's. What the log-in has handed out, but for what is in a
// cookie, is in the local storage of the browser; the requests have marks in its place.
func (f *csrfFront) shopPage(n int, name string) (shopPage, error) {
	vars := f.vars()
	p := shopPage{N: n, Page: name, Stored: map[string]string{}, Marks: map[string]string{}, Loot: "https://" + attackerHost + "/loot"}
	marked := vars
	for i, name := range handedOut(f.c) {
		mark := fmt.Sprintf("0stored0%d0", i)
		p.Stored[name], p.Marks[name] = vars[name], mark
		marked = marked.With(contract.Vars{name: mark})
	}
	var err error
	if p.Use, err = f.shopRequest(&f.c.Use, marked); err != nil {
		return p, err
	}
	p.Change, err = f.shopRequest(f.c.Revoke, marked)
	return p, err
}

// handedOut names what the log-in extracts from anything but cookies.
func handedOut(c *contract.Contract) []string {
	var names []string
	for name, source := range c.Login.Extract {
		if source.Cookie == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// shopRequest is a step as a script sends it. Cookies are the browser's business.
func (f *csrfFront) shopRequest(step *contract.Step, vars contract.Vars) (shopRequest, error) {
	req, err := f.c.Render(step, f.client.Host, vars)
	if err != nil {
		return shopRequest{}, err
	}
	s := shopRequest{Method: req.Method, Path: req.Path, Headers: map[string]string{}, Body: string(req.Body)}
	for _, h := range req.Headers {
		if !strings.EqualFold(h.Name, "Cookie") {
			s.Headers[h.Name] = h.Value
		}
	}
	return s, nil
}

// looted is what a script in a page of the shop got hold of.
type looted struct {
	where     string // the credential is kept
	read      bool   // the credential itself
	elsewhere bool   // it was accepted from another machine
	used      bool   // by the script, from the page
	changed   bool   // likewise
}

// looted takes what an injected script sends to its master, who at once tries it himself.
func (f *csrfFront) looted(r *http.Request) {
	b, err := io.ReadAll(io.LimitReader(r.Body, longestSet))
	if err != nil {
		return
	}
	vars := f.vars()
	got := looted{read: vars["credential"] != "" && strings.Contains(string(b), vars["credential"])}
	if got.read {
		a, err := f.client.Do(r.Context(), &f.c.Use, vars)
		got.elsewhere = err == nil && a.Outcome == results.OK
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loot = &got
}

// stolen is what the last injected script has sent.
func (f *csrfFront) stolen() (looted, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loot == nil {
		return looted{}, errors.New("the injected script has sent nothing")
	}
	got := *f.loot
	f.loot = nil
	return got, nil
}

// plantedID is what a neighbour plants as a session id.
const plantedID = "planted-by-a-neighbour"

// plant has the neighbour set a cookie for the shop, too.
func (f *csrfFront) plant(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Set-Cookie", r.URL.Query().Get("cookie")+"="+plantedID+"; Domain="+shopHost+"; Path=/; Secure")
	f.tell(report{N: pageNumber(r)})
}
