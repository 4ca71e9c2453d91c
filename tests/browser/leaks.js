// Deliberate leaks: a function that tries every way to send to an address, wherever it is run (page or worker), and
// tells what became of each. Whether anything has arrived, the server at that address knows.
async ({ url, socket, only }) => {
  const soon = (work) =>
    new Promise((resolve) => {
      const done = (text) => resolve(String(text).slice(0, 200));
      setTimeout(() => done("nothing heard"), 1500);
      work(done);
    });
  const events = (target, done) => {
    for (const type of ["load", "open", "error"]) target.addEventListener(type, () => done(type));
  };
  const element = (tag, attributes, place = document.body) =>
    soon((done) => {
      const node = Object.assign(document.createElement(tag), attributes);
      events(node, done);
      place.append(node);
    });
  const blob = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const nested = (text, options) =>
    soon((done) => {
      const worker = new Worker(blob(text), options);
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = ({ message }) => done(`error ${message}`);
    });
  const tell = "((text) => postMessage(String(text)))";
  const quoted = JSON.stringify(url);
  const anywhere = {
    fetch: () => fetch(url),
    fetchNoCors: () => fetch(url, { method: "POST", mode: "no-cors", body: url }),
    pristineFetch: () => (self.WorkerGlobalScope ?? Window).prototype.fetch?.call(self, url),
    xhr: () =>
      soon((done) => {
        const request = new XMLHttpRequest();
        events(request, done);
        request.open("POST", url);
        request.send(url);
      }),
    websocket: () => soon((done) => events(new WebSocket(socket), done)),
    eventsource: () => soon((done) => events(new EventSource(url), done)),
    webtransport: () => new WebTransport(url.replace("http:", "https:")).ready,
    import: () => import(url),
    importBlob: () => import(blob(`import ${quoted};`)),
    nestedFetch: () => nested(`fetch(${quoted}).then(() => ${tell}("sent"), ${tell})`),
    nestedModuleFetch: () => nested(`fetch(${quoted}).then(() => ${tell}("sent"), ${tell})`, { type: "module" }),
    nestedScripts: () => nested(`try { importScripts(${quoted}); } catch (error) { ${tell}(error); }`),
    nestedImport: () => nested(`import(${quoted}).then(() => ${tell}("sent"), ${tell})`),
    nestedXhr: () =>
      nested(`const r = new XMLHttpRequest(); r.onerror = ${tell}; r.open("POST", ${quoted}); r.send("x")`),
    nestedSocket: () => nested(`new WebSocket(${JSON.stringify(socket)}).onerror = () => ${tell}("error")`),
    workerAt: () => soon((done) => events(new Worker(url), done)),
    font: () => new FontFace("leak", `url(${url})`).load(),
    font2: () =>
      soon((done) => {
        const font = new FontFace("leak2", `url(${url})`);
        (self.fonts ?? document.fonts).add(font);
        font.load().then(done, done);
      }),
  };
  const inDocuments = {
    beacon: () => navigator.sendBeacon(url, url),
    image: () => element("img", { src: url }),
    script: () => element("script", { src: url }),
    moduleScript: () => element("script", { src: url, type: "module" }),
    style: () => element("link", { rel: "stylesheet", href: url }, document.head),
    prefetch: () => element("link", { rel: "prefetch", href: url }, document.head),
    preload: () => element("link", { rel: "preload", as: "image", href: url }, document.head),
    modulepreload: () => element("link", { rel: "modulepreload", href: url }, document.head),
    icon: () => element("link", { rel: "icon", href: url }, document.head),
    manifest: () => element("link", { rel: "manifest", href: url }, document.head),
    frame: () => element("iframe", { src: url }),
    object: () => element("object", { data: url }),
    embed: () => element("embed", { src: url }),
    video: () => element("video", { src: url }),
    background: () =>
      soon((done) => {
        document.body.style.backgroundImage = `url(${url})`;
        setTimeout(done, 500);
      }),
    audio: () => element("audio", { src: url }),
    form: () =>
      soon((done) => {
        const frame = document.createElement("iframe");
        frame.name = "leak-target";
        const form = Object.assign(document.createElement("form"), {
          action: url,
          method: "post",
          target: "leak-target",
        });
        document.body.append(frame, form);
        form.submit();
        setTimeout(done, 500);
      }),
    sharedWorker: () => soon((done) => events(new SharedWorker(url), done)),
  };
  const all = { ...anywhere, ...(self.document ? inDocuments : {}) };
  const outcomes = await Promise.all(
    Object.entries(all)
      .filter(([name]) => !only || only.includes(name))
      .map(async ([name, attempt]) => {
        try {
          return [name, String(await attempt())];
        } catch (error) {
          return [name, `${error}`];
        }
      }),
  );
  return Object.fromEntries(outcomes);
};
