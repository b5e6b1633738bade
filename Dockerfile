# One image for the server and the workers of a hosted instance; see docker-compose.yml and docs/hosting.md.
# Not built in CI.
FROM python:3.11-slim

WORKDIR /opt/evaluator
RUN useradd --system --uid 10001 --home-dir /opt/evaluator evaluator \
    && install -d -m 700 -o evaluator -g evaluator /var/lib/evaluator /var/lib/evaluator/artifacts /var/lib/evaluator/models

# Dependencies first: they change less often than the code. PyTorch alone, so that nothing pulls in another build of it;
# which build that is (CPU, CUDA) is up to the index: pip's variables can be given as build arguments.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt ./
RUN pip install --no-cache-dir -c constraints.txt torch

COPY pyproject.toml README.md LICENSE app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY evaluator evaluator
RUN pip install --no-cache-dir -c constraints.txt .

USER evaluator
ENV EVALUATOR_HOME=/var/lib/evaluator \
    HF_HOME=/var/lib/evaluator/models \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/evaluator
ENTRYPOINT ["evaluator"]
CMD ["--help"]
