# The harness with real stores beside it: "docker run --rm authbench bench" needs
# nothing else. Both base images can be replaced by others of the same kind:
#
#     docker build --build-arg RUNTIME_IMAGE=debian:trixie-slim -t authbench .
ARG BUILD_IMAGE=golang:1.26-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -o /out/authbench ./cmd/authbench

FROM ${RUNTIME_IMAGE}
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server mariadb-server-core && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /out/authbench /usr/local/bin/authbench
# Results are written to ./results: mount a directory there to keep them.
WORKDIR /authbench
ENTRYPOINT ["authbench"]
CMD ["doctor"]
