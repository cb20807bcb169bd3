ARG GO_IMAGE=golang:1.26

# Compiled on the platform that builds, for the one that is asked for; the plain builder knows only its own.
FROM --platform=${BUILDPLATFORM:-linux} ${GO_IMAGE} AS build
WORKDIR /src
ARG GOPROXY
ARG GOSUMDB
ARG GOFLAGS
ARG TARGETOS
ARG TARGETARCH
COPY go.mod go.sum ./
# What others wrote is compiled in a layer that lasts until go.mod changes: that is most of the work. A package
# that is not in this list is only compiled later.
RUN go mod download && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    net/http/pprof text/template golang.org/x/sync/errgroup golang.org/x/sys/unix golang.org/x/term go.yaml.in/yaml/v3 \
    github.com/docker/docker/client github.com/moby/swarmkit/v2/api google.golang.org/grpc github.com/rs/zerolog \
    github.com/prometheus/client_golang/prometheus/collectors github.com/prometheus/client_golang/prometheus/promhttp
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$VERSION" -o /image/usr/local/bin/fairlead ./cmd/proxy && \
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then \
      install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt; fi

FROM scratch
COPY --from=build /image /
LABEL org.opencontainers.image.title="Fairlead" org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["fairlead"]
