/* Runs in the audio thread: hands on what the microphone gives, one channel. */
/* global AudioWorkletProcessor, registerProcessor */
class Recorder extends AudioWorkletProcessor {
  process(inputs) {
    const channel = inputs[0]?.[0];
    if (channel !== undefined) this.port.postMessage(channel.slice());
    return true;
  }
}
registerProcessor("recorder", Recorder);
