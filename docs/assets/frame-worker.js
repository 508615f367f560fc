// Browsers start no worker for a page that was opened from a file. A hidden frame then stands in for it, so that the
// search of the manual works without a server and without a network.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.appendChild(this.frame)
      this.hear = event => {
        if (event.source !== this.frame.contentWindow) return
        const message = new MessageEvent("message", { data: event.data })
        this.dispatchEvent(message)
        if (this.onmessage) this.onmessage(message)
      }
      window.addEventListener("message", this.hear)
      this.ready = new Promise(resolve => { this.frame.onload = resolve })
      const page = this.frame.contentDocument
      page.open()
      page.write(
        "<!doctype html><script>" +
        "window.postMessage = data => parent.postMessage(data, '*');" +
        "window.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise(done => {" +
        "const one = document.createElement('script'); one.src = url; one.onload = done;" +
        "document.head.appendChild(one) })), Promise.resolve());" +
        "</" + "script><script src=\"" + encodeURI(new URL(url, location.href).href) + "\"></" + "script>"
      )
      page.close()
    }
    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(
        new this.frame.contentWindow.MessageEvent("message", { data })
      ))
    }
    terminate() {
      window.removeEventListener("message", this.hear)
      this.frame.remove()
    }
  }
}
