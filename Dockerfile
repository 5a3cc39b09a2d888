# The two commands on a machine that is thrown away: `docker build .` tests and builds, and the last stage serves the site.
FROM python:3.12-slim-bookworm AS tools
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends git chromium fonts-dejavu-core libgomp1 nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /attnsite

FROM tools AS site
COPY . .
RUN scripts/test.sh
RUN scripts/build.sh

FROM python:3.12-slim-bookworm
COPY --from=site /attnsite/site /site
EXPOSE 8000
CMD ["python", "-m", "http.server", "8000", "--directory", "/site"]
