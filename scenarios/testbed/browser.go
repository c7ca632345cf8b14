package testbed

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
)

// chromiumEnv names the browser where it is not on the path.
const chromiumEnv = "AUTHBENCH_CHROMIUM"

// Browser is a Chromium with an empty profile, one tab, and nothing within its reach but
// the sites that it was started with.
type Browser struct {
	p       *process
	tab     context.Context
	close   []func()
	product string
}

// BrowserOptions is what users set in theirs.
type BrowserOptions struct {
	// BlockThirdParty keeps cookies from requests that a page of another site makes, those
	// aside that leave the page. Chromium differs in what it does unless told.
	BlockThirdParty bool
}

// NewBrowser starts one. Where none is installed the error is one that Unsupported makes.
func (tb *Testbed) NewBrowser(ctx context.Context, sites *Sites, o BrowserOptions) (_ *Browser, err error) {
	path := lookChromium()
	if path == "" {
		return nil, Unsupported("no Chromium is installed (" + chromiumEnv + " names one)")
	}
	dir, err := tb.root.sub("browser")
	if err != nil {
		return nil, err
	}
	b := &Browser{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("browser: %w", err), b.Close())
		}
	}()
	if err := o.write(dir); err != nil {
		return nil, err
	}
	// Its home is its profile: nothing of the user's is read, and nothing left behind.
	env := []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_CACHE_HOME=" + dir}
	if b.p, err = tb.spawn(command{name: "chromium", path: path, args: chromiumFlags(dir, sites), env: env, dir: dir}); err != nil {
		return nil, err
	}
	var address string
	err = b.p.until(ctx, readyTimeout, func(context.Context) (err error) {
		address, err = debugAddress(dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, b.attach(ctx, address)
}

// write makes a profile with these options.
func (o BrowserOptions) write(dir string) error {
	mode := 0 // CookieControlsMode of Chromium: off
	if o.BlockThirdParty {
		mode = 1
	}
	if err := os.Mkdir(filepath.Join(dir, "Default"), 0o700); err != nil {
		return err
	}
	preferences := fmt.Appendf(nil, `{"profile":{"cookie_controls_mode":%d}}`, mode)
	return os.WriteFile(filepath.Join(dir, "Default", "Preferences"), preferences, 0o600)
}

// chromiumFlags switch off what looks for the world outside, and leave alone what decides
// about cookies and requests between sites.
func chromiumFlags(dir string, sites *Sites) []string {
	flags := []string{
		"--headless", "--remote-debugging-port=0", "--user-data-dir=" + dir, "--no-proxy-server",
		"--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--disable-extensions", "--disable-breakpad", "--disable-client-side-phishing-detection", "--metrics-recording-only",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
		"--password-store=basic", "--use-mock-keychain", "--mute-audio",
		// http:// is to be http, as a user's old bookmark is who has this off.
		"--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,MediaRouter,OptimizationHints",
	}
	if os.Geteuid() == 0 {
		flags = append(flags, "--no-sandbox") // its sandbox refuses root
	}
	return append(append(flags, sites.flags()...), "about:blank")
}

// debugAddress is where it takes commands, as it writes it into its profile.
func debugAddress(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, "DevToolsActivePort"))
	if err != nil {
		return "", err
	}
	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	if len(lines) != 2 {
		return "", errors.New("it has not said where it takes commands")
	}
	return "ws://" + loopback + ":" + lines[0] + lines[1], nil
}

// attach takes its tab.
func (b *Browser) attach(ctx context.Context, address string) error {
	// It ends with Close, and not in the middle of a command.
	allocator, release := remote.NewAllocator(context.WithoutCancel(ctx), address)
	tab, leave := chromedp.NewContext(allocator)
	b.tab, b.close = tab, []func(){leave, release}
	if err := chromedp.Do(tab); err != nil {
		return fmt.Errorf("take its tab: %w", err)
	}
	v, err := chromedp.CallBrowser(tab, browser.GetVersion, cdp.Empty{})
	if err != nil {
		return fmt.Errorf("ask for its version: %w", err)
	}
	b.product = strings.TrimPrefix(strings.Replace(v.Product, "/", " ", 1), "Headless")
	return nil
}

// Product is its name and version: "Chrome 141.0.7390.65".
func (b *Browser) Product() string { return b.product }

// commandTimeout bounds one command.
const commandTimeout = 10 * time.Second

// command is the tab for one command.
func (b *Browser) command(ctx context.Context) (context.Context, context.CancelFunc) {
	limit, cancel := context.WithTimeout(b.tab, commandTimeout)
	stop := context.AfterFunc(ctx, cancel)
	return limit, func() { stop(); cancel() }
}

// Visit begins to load an address, as a user does who types it, and returns when its
// first bytes are there. What the page does then is the page's business.
func (b *Browser) Visit(ctx context.Context, address string) error {
	limit, done := b.command(ctx)
	defer done()
	r, err := chromedp.Call(limit, page.Navigate, page.NavigateParams{URL: address})
	if err == nil && r.ErrorText != "" {
		err = errors.New(r.ErrorText)
	}
	if err != nil {
		return fmt.Errorf("browser: open %s: %w", address, cmp.Or(context.Cause(ctx), err))
	}
	return nil
}

// Forget drops the cookies of that name that it would send to an address.
func (b *Browser) Forget(ctx context.Context, name, address string) error {
	limit, done := b.command(ctx)
	defer done()
	if _, err := chromedp.Call(limit, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: address}); err != nil {
		return fmt.Errorf("browser: forget cookie %s: %w", name, cmp.Or(context.Cause(ctx), err))
	}
	return nil
}

// Close ends it, and takes its profile away.
func (b *Browser) Close() error {
	for _, f := range b.close {
		f()
	}
	if b.p == nil {
		return nil
	}
	err := b.p.kill()
	// Its socket is in a directory of its own, since the path of one must be short. It
	// takes that away itself unless it is killed.
	if socket, lerr := os.Readlink(filepath.Join(b.p.dir, "SingletonSocket")); lerr == nil && filepath.IsAbs(socket) {
		err = errors.Join(err, os.RemoveAll(filepath.Dir(socket)))
	}
	for range 50 { // its children may still write for a moment
		rm := os.RemoveAll(b.p.dir)
		if rm == nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(err, os.RemoveAll(b.p.dir))
}

// lookChromium is the path of a Chromium, or "".
func lookChromium() string {
	if named := os.Getenv(chromiumEnv); named != "" {
		return lookPath(named)
	}
	return lookPath("chromium", "chromium-browser", "google-chrome",
		"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
}
