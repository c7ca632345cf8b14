package testbed

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// The images of the docker provider unless others are named.
const (
	DefaultRedisImage = "redis:7-alpine"
	DefaultMySQLImage = "mariadb:11"
)

const (
	pullTimeout   = 5 * time.Minute
	dockerTimeout = 20 * time.Second // for one call
	pingTimeout   = 3 * time.Second  // an engine that does not answer by then is not there

	labelRoot = "authbench.testbed" // the root directory of the testbed that owns the container
	labelKind = "authbench.kind"
	labelHost = "authbench.host" // an engine can be shared between machines
)

// startDocker runs a container. On Linux it uses the host's network on a free
// loopback port: a published port goes through a proxy and doubles the median
// of a Redis GET. Where the engine lives in a machine of its own (Docker
// Desktop, rootless), the port is published.
func startDocker(ctx context.Context, tb *Testbed, kind string) (server, error) {
	cli, err := dockerEngine(ctx)
	if err != nil {
		return nil, err
	}
	sweepContainers(ctx, cli, tb.log)
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, cli.Close())
	}
	req, at := redisContainer(tb, port, sharesNetwork(ctx, cli))
	if kind == MySQL {
		req, at = mysqlContainer(tb, port, sharesNetwork(ctx, cli))
	}
	s := &dockerServer{cli: cli, root: tb.root.dir, kind: kind, at: at, cores: tb.opts.TargetCores}
	req.Labels = map[string]string{labelRoot: tb.root.dir, labelKind: kind, labelHost: hostname()}
	tb.log.Info("starting a container", "image", req.Image, "note", "an image that is not here is pulled first")
	if err := s.run(ctx, req); err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", req.Image, err), s.close())
	}
	return s, nil
}

func (s *dockerServer) run(ctx context.Context, req testcontainers.ContainerRequest) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	networking := req.HostConfigModifier
	req.HostConfigModifier = func(hc *container.HostConfig) {
		hc.CpusetCpus = joinInts(s.cores) // an engine that cannot ignores it, see confine
		networking(hc)
	}
	var opts []testcontainers.DockerProviderOption
	if s.at.network == networkHost {
		// Else testcontainers makes a bridge of its own on an engine that has none.
		opts = append(opts, testcontainers.WithDefaultBridgeNetwork(networkHost))
	}
	provider, err := testcontainers.NewDockerProvider(opts...)
	if err != nil {
		return err
	}
	defer provider.Close()
	ctr, err := provider.RunContainer(ctx, req)
	if err != nil {
		return err
	}
	s.id = ctr.GetContainerID()
	return s.learnPID(ctx)
}

const networkHost = "host"

// listenAt completes req so that its server, which listens on inside by default,
// is reached at our loopback port, and says where it has to listen for that.
func listenAt(req *testcontainers.ContainerRequest, hostNetwork bool, port, inside int) (name, bind string, listen int) {
	if hostNetwork {
		req.HostConfigModifier = func(hc *container.HostConfig) { hc.NetworkMode = networkHost }
		return networkHost, loopback, port
	}
	exposed := strconv.Itoa(inside) + "/tcp"
	req.ExposedPorts = []string{exposed}
	req.HostConfigModifier = func(hc *container.HostConfig) {
		hc.PortBindings = network.PortMap{network.MustParsePort(exposed): {{
			HostIP: netip.MustParseAddr(loopback), HostPort: strconv.Itoa(port),
		}}}
	}
	return "published", "0.0.0.0", inside
}

func redisContainer(tb *Testbed, port int, hostNetwork bool) (testcontainers.ContainerRequest, access) {
	// A file rather than arguments, which everybody on the machine can read.
	const file = "/authbench.conf"
	password := newPassword()
	req := testcontainers.ContainerRequest{Image: cmp.Or(tb.opts.RedisImage, DefaultRedisImage), Cmd: []string{file}}
	name, bind, listen := listenAt(&req, hostNetwork, port, 6379)
	req.Files = []testcontainers.ContainerFile{{
		Reader:            strings.NewReader(redisConf(bind, listen, password)),
		ContainerFilePath: file, FileMode: 0o644,
	}}
	return req, access{url: fmt.Sprintf("redis://:%s@%s/0", password, hostPort(port)), network: name, private: true}
}

func mysqlContainer(tb *Testbed, port int, hostNetwork bool) (testcontainers.ContainerRequest, access) {
	password := newPassword()
	req := testcontainers.ContainerRequest{Image: cmp.Or(tb.opts.MySQLImage, DefaultMySQLImage), Env: map[string]string{}}
	for _, product := range []string{"MYSQL", "MARIADB"} { // whichever image it is
		req.Env[product+"_ROOT_PASSWORD"] = password
		req.Env[product+"_ROOT_HOST"] = "%"
		req.Env[product+"_DATABASE"] = "authbench"
		req.Env[product+"_USER"], req.Env[product+"_PASSWORD"] = "authbench", password
	}
	name, bind, listen := listenAt(&req, hostNetwork, port, 3306)
	req.Cmd = mysqlArgs(bind, listen)
	return req, access{
		url: mysqlDSN("authbench", password, port), admin: mysqlDSN("root", password, port),
		network: name, private: true,
	}
}

// quietDocker keeps testcontainers from writing to stderr and from pulling an
// image of its own to clean up after us: we do, by label.
var quietDocker = sync.OnceFunc(func() {
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	tclog.SetDefault(tclog.NewNoopLogger())
})

// dockerEngine connects to the engine that DOCKER_HOST or the platform's default
// names, or says why it cannot.
func dockerEngine(ctx context.Context) (_ *testcontainers.DockerClient, err error) {
	defer func() {
		// Subtle: testcontainers panics where an engine goes away at the wrong moment.
		if p := recover(); p != nil {
			err = fmt.Errorf("no Docker engine: %v", p)
		}
	}()
	quietDocker()
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	cli, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Docker engine can be reached: %w", err)
	}
	if _, err := cli.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("no Docker engine can be reached: %w", err), cli.Close())
	}
	return cli, nil
}

// DockerVersion is the version of the engine that the docker provider would use.
func DockerVersion(ctx context.Context) (string, error) {
	cli, err := dockerEngine(ctx)
	if err != nil {
		return "", err
	}
	defer cli.Close()
	v, err := cli.ServerVersion(ctx, client.ServerVersionOptions{})
	return v.Version, err
}

// sharesNetwork reports whether a container on the host's network is reached at
// our loopback address.
func sharesNetwork(ctx context.Context, cli *testcontainers.DockerClient) bool {
	if runtime.GOOS != "linux" || !strings.HasPrefix(cli.DaemonHost(), "unix://") {
		return false
	}
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return false
	}
	return info.Info.OperatingSystem != "Docker Desktop" && !slices.Contains(info.Info.SecurityOptions, "name=rootless")
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// sweepContainers removes containers of killed harnesses of this machine.
func sweepContainers(ctx context.Context, cli *testcontainers.DockerClient, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	found, err := cli.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelRoot, labelHost+"="+hostname()),
	})
	if err != nil {
		log.Debug("cannot look for stale containers", "reason", err)
		return
	}
	for _, c := range found.Items {
		if root := c.Labels[labelRoot]; !rootIsStale(root) {
			continue
		}
		_, err := cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		log.Info("removed a container that a killed run left behind", "id", c.ID, "error", err)
	}
}

// dockerServer is a store in a container.
type dockerServer struct {
	cli  *testcontainers.DockerClient
	root string
	kind string
	at   access
	id   string

	cores []int

	mu      sync.Mutex
	hostPID int // 0: not visible from here
	past    time.Duration
	last    Sample
}

func (s *dockerServer) access() access { return s.at }

func (s *dockerServer) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hostPID
}

// learnPID asks for the container's main process and makes sure that the number
// means here what it means to the engine, which may live in another machine.
func (s *dockerServer) learnPID(ctx context.Context) error {
	res, err := s.cli.ContainerInspect(ctx, s.id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	pid := res.Container.State.Pid
	cgroup, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	env, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "mountinfo")) // root only
	if err != nil || pid == 0 || !strings.Contains(string(cgroup)+string(env), s.id) {
		pid = 0
	}
	s.confine(pid)
	s.mu.Lock()
	s.hostPID = pid
	s.mu.Unlock()
	return nil
}

// confine moves the threads of a container that the engine did not confine (it
// needs a cgroup controller for that). Threads to come inherit it. Where that is
// not allowed, the store's settings tell where it runs.
func (s *dockerServer) confine(pid int) {
	if got, err := affinity(pid); pid == 0 || len(s.cores) == 0 || err != nil || slices.Equal(got, s.cores) {
		return
	}
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*")) // only a bad pattern is an error
	for _, task := range tasks {
		if tid, err := strconv.Atoi(filepath.Base(task)); err == nil {
			_ = pin(tid, s.cores)
		}
	}
}

func (s *dockerServer) sample() Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hostPID == 0 {
		return Sample{CPU: s.past + s.last.CPU}
	}
	if now := sampleProcess(s.hostPID); now.Known {
		s.last = now
	} else {
		s.last.RSS = 0 // gone
	}
	total := s.last
	total.CPU += s.past
	return total
}

func (s *dockerServer) kill(ctx context.Context) error {
	s.sample()
	if err := s.resume(ctx); err != nil { // an engine kills no paused container
		return err
	}
	if _, err := s.cli.ContainerKill(ctx, s.id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		return fmt.Errorf("kill the container of %s: %w", s.kind, err)
	}
	return poll(ctx, func(ctx context.Context) error {
		if s.check() == nil {
			return errors.New("the container is still running")
		}
		return nil
	})
}

func (s *dockerServer) pause(ctx context.Context) error {
	if _, err := s.cli.ContainerPause(ctx, s.id, client.ContainerPauseOptions{}); err != nil {
		return fmt.Errorf("pause the container of %s: %w", s.kind, err)
	}
	return nil
}

func (s *dockerServer) resume(ctx context.Context) error {
	res, err := s.cli.ContainerInspect(ctx, s.id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if st := res.Container.State; !st.Paused {
		return nil
	}
	if _, err := s.cli.ContainerUnpause(ctx, s.id, client.ContainerUnpauseOptions{}); err != nil {
		return fmt.Errorf("continue the container of %s: %w", s.kind, err)
	}
	return nil
}

func (s *dockerServer) dataDir() (string, error) {
	return "", Unsupported("the data of a container are not in our file system: --stores process")
}

func (s *dockerServer) restart(ctx context.Context) error {
	if _, err := s.cli.ContainerStart(ctx, s.id, client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("restart the container of %s: %w", s.kind, err)
	}
	s.mu.Lock()
	s.past, s.last = s.past+s.last.CPU, Sample{Known: s.last.Known}
	s.mu.Unlock()
	return s.learnPID(ctx)
}

// check is nil while the container runs.
func (s *dockerServer) check() error {
	ctx, cancel := context.WithTimeout(context.Background(), dockerTimeout)
	defer cancel()
	res, err := s.cli.ContainerInspect(ctx, s.id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	if st := res.Container.State; !st.Running {
		return fmt.Errorf("%w: container of %s, exit code %d: %s", errEnded, s.kind, st.ExitCode, s.tail(ctx))
	}
	return nil
}

// tail is the end of the container's output.
func (s *dockerServer) tail(ctx context.Context) string {
	logs, err := s.cli.ContainerLogs(ctx, s.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "20"})
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, logs); err != nil {
		return err.Error()
	}
	return lastLines(out.Bytes())
}

// close removes every container of this testbed and kind, also one that was
// created when the start was cut short.
func (s *dockerServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), dockerTimeout)
	defer cancel()
	found, err := s.cli.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelRoot+"="+s.root, labelKind+"="+s.kind),
	})
	if err != nil {
		return errors.Join(err, s.cli.Close())
	}
	var errs []error
	for _, c := range found.Items {
		_, err := s.cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		errs = append(errs, err)
	}
	return errors.Join(append(errs, s.cli.Close())...)
}
