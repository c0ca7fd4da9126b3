# An image of the binary that scripts/package.sh made. The directory of the packages is the context:
#
#   docker build --file Dockerfile --tag bourn target/package
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" bourn train recipe.toml
#
# The recipes are in /usr/share/bourn/recipes. What bourn keeps between runs is under /data too.
FROM debian:bookworm-slim
COPY bourn_*.deb /tmp/
RUN dpkg --install /tmp/bourn_*.deb && rm /tmp/bourn_*.deb
ENV BOURN_CACHE=/data/.bourn-cache HF_HOME=/data/.huggingface
WORKDIR /data
USER 65534:65534
ENTRYPOINT ["bourn"]
CMD ["--help"]
