"""Which models are measured, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.real_models.samples import Feed, Maker, audio, files, images, text_lines
from tools.real_models.wheels import folder_of

CALIBRATION, HELD_OUT = 0, 1
"""Seeds of the two sets."""


@dataclass(frozen=True, slots=True)
class RealModel:
    """A model out of a package.

    Attributes:
        id: package and name, as ``--only`` takes them.
        package: where it is from.
        file: its place below the package's folder in the cache.
        about: what it does.
        make: makes its inputs.
        count: how many feeds calibrate it, and how many measure it.
        small: whether every run of the tests has it.
    """

    id: str
    package: str
    file: str
    about: str
    make: Maker
    count: int = 16
    small: bool = False

    @property
    def path(self) -> Path:
        """The float model's file."""
        return folder_of(self.package) / self.file

    def feeds(self, seed: int) -> list[Feed]:
        """Its inputs for :data:`CALIBRATION` or :data:`HELD_OUT`."""
        return self.make(self.count, seed, folder_of(self.package))


def _silero(file: str, states: tuple[int, ...] = (2, 1, 128), rate: str = "sr") -> Maker:
    return audio.carried(f"data/{file}.onnx", (576, 512), {"state": states}, {"state": "stateN"}, rate)


_OLD_SILERO = audio.carried(
    "models/silero_vad.onnx", (512, 512), {"h": (2, 1, 64), "c": (2, 1, 64)}, {"h": "hn", "c": "cn"}, "sr"
)

_OCR, _WAKE, _SILERO, _MOS = "rapidocr-onnxruntime", "openwakeword", "silero-vad", "speechmos"


def _wake(name: str, steps: int = 16, version: str = "onnx::Flatten_0", *, small: bool = False) -> RealModel:
    file = f"models/{name}_v0.1.onnx"
    maker = audio.wake_words(file, version, steps)
    return RealModel(f"{_WAKE}/{name}", _WAKE, file, f"wake word: {name}", maker, 32, small)


def _vad(name: str, about: str, maker: Maker, small: bool = False) -> RealModel:
    return RealModel(f"{_SILERO}/{name}", _SILERO, f"data/{name}.onnx", about, maker, 48, small)


def _mos(name: str, folder: str, about: str, maker: Maker, *, count: int = 8, small: bool = False) -> RealModel:
    where = f"{folder.removesuffix('_models')}-{name}" if name == "sig_bak_ovr" else name
    return RealModel(f"{_MOS}/{where}", _MOS, f"{folder}/{name}.onnx", about, maker, count, small)


_GREY = text_lines.grey_words("input1", 64)

_ALL = (
    RealModel(f"{_OCR}/det", _OCR, "models/ch_PP-OCRv4_det_infer.onnx", "where text is", text_lines.pages("x", 320), 8),
    RealModel(
        f"{_OCR}/rec", _OCR, "models/ch_PP-OCRv4_rec_infer.onnx", "reads a line", text_lines.lines("x", 320, 48), 16
    ),
    RealModel(
        f"{_OCR}/cls",
        _OCR,
        "models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "upright or not",
        text_lines.turned_lines("x", 192, 48, 4),
        16,
        True,
    ),
    RealModel(
        "ddddocr/common", "ddddocr", "ddddocr/common.onnx", "reads captchas", text_lines.grey_words("input1", 64)
    ),
    RealModel(
        "ddddocr/common_old",
        "ddddocr",
        "ddddocr/common_old.onnx",
        "reads captchas; quantized already",
        text_lines.grey_words("input1", 64),
    ),
    RealModel(
        "ddddocr/common_det",
        "ddddocr",
        "ddddocr/common_det.onnx",
        "where targets are (YOLOX)",
        text_lines.pages("images", 416, 1, 0, 1),
        8,
    ),
    RealModel("nudenet/320n", "nudenet", "nudenet/320n.onnx", "YOLOv8", images.pictures("images", 320, 255), 8),
    RealModel(
        "magika/standard_v3_3",
        "magika",
        "standard_v3_3/model.onnx",
        "file types",
        files.packages("bytes", 4),
        32,
        True,
    ),
    RealModel(
        "basic-pitch/nmp",
        "basic-pitch",
        "icassp_2022/nmp.onnx",
        "notes in audio",
        audio.melodies("serving_default_input_2:0", 43844, 22050),
        8,
        True,
    ),
    RealModel(
        f"{_WAKE}/melspectrogram",
        _WAKE,
        "models/melspectrogram.onnx",
        "mel front end",
        audio.signals("input", 2),
        16,
        True,
    ),
    RealModel(
        f"{_WAKE}/embedding_model",
        _WAKE,
        "models/embedding_model.onnx",
        "embedding of speech",
        audio.mel_images("models/melspectrogram.onnx"),
        32,
        True,
    ),
    _wake("alexa"),
    _wake("hey_jarvis", 16, "x.1", small=True),
    _wake("hey_mycroft"),
    _wake("hey_rhasspy"),
    _wake("timer", 34, small=True),
    _wake("weather", 22),
    RealModel(f"{_WAKE}/silero_vad", _WAKE, "models/silero_vad.onnx", "voice activity, version 4", _OLD_SILERO, 48),
    _vad("silero_vad", "voice activity, version 5", _silero("silero_vad")),
    _vad("silero_vad_16k_op15", "the same at 16 kHz", _silero("silero_vad_16k_op15"), True),
    _vad("silero_vad_half", "the same, half precision inside", _silero("silero_vad_half", rate="")),
    _vad("silero_vad_op18_ifless", "the same with one If", _silero("silero_vad_op18_ifless")),
    _vad("silero_vad_openvino_16k", "the same, its LSTM written out", _silero("silero_vad_openvino_16k", rate="")),
    _vad("silero_vad_16k_sequence", "the same over a recording", audio.recordings(30)),
    RealModel(
        "faster-whisper/silero_vad_v6",
        "faster-whisper",
        "assets/silero_vad_v6.onnx",
        "voice activity, version 6",
        audio.recordings(30),
        16,
        True,
    ),
    _mos("model_v8", "dnsmos_models", "DNSMOS P.808", audio.levels("input_1", 900, 120, 320)),
    _mos("sig", "dnsmos_models", "DNSMOS, signal", audio.levels("input_1", 901, 161, 320), count=4),
    _mos("bak_ovr", "dnsmos_models", "DNSMOS, background", audio.levels("input_1", 901, 161, 320), count=4),
    _mos("sig_bak_ovr", "dnsmos_models", "DNSMOS P.835", audio.signals("input_1", 9.01), count=4),
    _mos("sig_bak_ovr", "pdnsmos_models", "personal DNSMOS", audio.signals("input_1", 9.01), count=4),
    _mos("plcmos_v2", "plcmos_models", "PLCMOS", audio.degraded_spectra(400), small=True),
    _mos("Run_1663829550_Stage_0", "aecmos_models", "AECMOS, 48 kHz", audio.echoes(300, 64)),
    _mos("Run_1663915512_Stage_0", "aecmos_models", "AECMOS", audio.echoes(300, 64)),
    _mos("Run_1668423760_Stage_0", "aecmos_models", "AECMOS with scenarios", audio.echoes(300, 96)),
)

MODELS: dict[str, RealModel] = {model.id: model for model in _ALL}
